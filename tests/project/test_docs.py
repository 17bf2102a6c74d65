"""What the documents say, held against the project."""

import ast
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import rayal
from analysis.sections import all_sections
from rayal.cli import strategies as guide
from rayal.cli.main import COMMANDS
from rayal.registry import STRATEGIES
from rayal.strategies.auto import EVIDENCE
from rayal.sweep import packaged, pruning
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from tests.labeling.images import project_of

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


# Pages that exist in the built site alone, which has its own check of links.
MADE_FROM_CODE = re.compile(r"(reference/.+|sweep-file|which-strategy|changelog|contributing)\.md")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_and_named_files_exist(path: Path) -> None:
    text = path.read_text()
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    named = re.findall(r"`((?:rayal|analysis|docs|sweeps|tests|benchmarks)/[\w./-]*)`", text)
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [
        name
        for name in linked
        if not (path.parent / name).exists() and not MADE_FROM_CODE.fullmatch(name)
    ]
    assert not missing


TEXTS = [
    *DOCUMENTS,
    *(ROOT / "sweeps").glob("*.yaml"),
    *(ROOT / "deploy").glob("*.yaml"),
    ROOT / "website" / "sweep_file.py",
]


def sweep_commands() -> list[tuple[str, list[str]]]:
    """Packaged sweep and every --set of each `rayal sweep` or `rayal encode` that is written."""
    found = []
    for text in TEXTS:
        joined = re.sub(r"(?:\\\n|\n(?=#? +'?--set))[# ]*", " ", text.read_text())
        for line in re.findall(r"rayal[ .](?:sweep|encode) ([^`\n]*--set[^`\n]*)", joined):
            name, *words = shlex.split(line.partition("  #")[0], comments=False)
            stem = Path(name).stem
            if stem in packaged.names():
                found.append((stem, [b for a, b in pairwise(words) if a == "--set"]))
    return found


def test_every_written_sweep_command_with_set_is_accepted() -> None:
    commands = sweep_commands()
    assert len(commands) > 15
    for name, changes in commands:
        sweep = load_sweep(packaged.find(name), changes)
        if not any(re.search("path[=:]|root=", change) for change in changes):
            plan = make_plan(sweep, absent_data=True)  # elsewhere the files are the user's own
            assert plan.trials
            pruning.family_of(plan)


@pytest.mark.parametrize("name", packaged.names())
def test_numbers_of_seeds_are_set_as_the_page_of_experiments_says(name: str) -> None:
    path = packaged.find(name)
    for part in load_sweep(path, ["seeds=1"]).parts.values():
        assert part.seeds == 1
    for part in load_sweep(path, ["seeds.random=77"]).parts.values():
        assert isinstance(part.seeds, dict)
        assert part.seeds["random"] == 77


def test_auto_names_the_version_that_the_page_of_the_evidence_has() -> None:
    title, _ = (ROOT / "docs" / "evidence.md").read_text().split("\n", 1)
    assert title == f"# Evidence, version {EVIDENCE}"
    versions = re.findall(r"version\s+(\d+)", STRATEGIES.find("auto").function.__doc__ or "")
    assert set(versions) == {EVIDENCE}


def test_the_page_of_commands_has_every_command() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    assert [name for name in COMMANDS if not re.search(rf"^    rayal {name} ", page, re.M)] == []


def test_the_page_of_commands_has_every_extra() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    listed = re.findall(r"`(\w+)`", page.partition("Extras: ")[2].partition(".\n")[0])
    declared = PYPROJECT.partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
    assert sorted(listed) == sorted(re.findall(r"^(\w+) = ", declared, re.MULTILINE))


def test_the_page_of_the_api_has_every_public_name() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    assert [name for name in rayal.__all__ if f"`rayal.{name}`" not in page] == []


def test_the_readme_has_the_two_commands_and_make_knows_them() -> None:
    commands = re.findall(r"^    make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert commands == ["sweep", "test"]
    assert {*commands, "docs"} <= set(targets)


def test_the_structure_page_names_every_module() -> None:
    page = (ROOT / "docs" / "structure.md").read_text()
    modules = {p.name for p in (ROOT / "rayal").glob("*.py")} - {"__init__.py"}
    assert {m for m in modules if m not in page} == set()


# Tables and figures of each paper, its supplement's included.
IN_PRINT = {"HaCon": (7, 17), "low-budget": (16, 3), "CBAL": (3, 13), "MSAL": (5, 5)}


def printed_items() -> list[list[str]]:
    """Rows at the end of the page of experiments: paper, table or figure, sweeps, section."""
    page = (ROOT / "docs" / "experiments.md").read_text().partition("## Every table and figure")[2]
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return rows[1:]


def test_the_page_of_experiments_lists_every_table_and_figure_of_the_papers() -> None:
    rows = printed_items()
    listed = [(paper, item) for paper, item, *_ in rows]
    assert sorted(listed) == sorted(
        (paper, f"{kind} {number}")
        for paper, counts in IN_PRINT.items()
        for kind, count in zip(("Table", "Figure"), counts, strict=True)
        for number in range(1, count + 1)
    )
    titles = {section.title for section in all_sections()}
    for paper, item, files, where in rows:
        names = re.findall(r"`(\w+)`", files)
        for name in names:
            assert (ROOT / "sweeps" / f"{name}.yaml").is_file(), (paper, item, name)
        if names:
            assert where in titles, (paper, item, where)
        else:
            assert len(where.split()) > 1, f"{paper}, {item}: say why there is no sweep"


def test_both_tables_of_the_page_of_experiments_give_a_sweep_the_same_tables_and_figures() -> None:
    below: dict[str, set[str]] = {}
    for paper, item, files, _ in printed_items():
        for name in re.findall(r"`(\w+)`", files):
            below.setdefault(name, set()).add(f"{paper}, {item}")
    above = {}
    page = (ROOT / "docs" / "experiments.md").read_text()
    for name, paper, items in re.findall(r"^\| `(\w+)\.yaml` \| ([\w-]+), (.*?) \|", page, re.M):
        kind, above[name] = "", set()
        for word in re.findall(r"Table|Figure|\d+", items):
            kind = kind if word.isdigit() else word
            above[name] |= {f"{paper}, {kind} {word}"} if word.isdigit() else set()
    assert above == {name: below[name] for name in above}
    assert set(below) - set(above) == {"cbal_fig9_digits"}  # of no paper's size


def test_the_page_of_results_names_files_that_the_quickstart_writes() -> None:
    plan = make_plan(load_sweep(packaged.find("quickstart")))
    trial = plan.trials[0]
    names = plan.names(trial)
    setting = f"{trial.dataset_name}-{names['encoder'].label}-{names['learner'].label}"
    page = (ROOT / "docs" / "results.md").read_text()
    printed = re.findall(r"paper-([\w-]+?)(?:-cycles)?-(?:auc|accuracy)\b", page)
    assert len(printed) >= 4
    assert set(printed) == {setting}
    assert set(re.findall(r"`auc-([\w-]+)\.svg`", page)) == {setting.rpartition("-")[0]}


def test_the_page_of_labeling_names_every_file_of_a_project(tmp_path: Path) -> None:
    root = project_of(tmp_path).root
    page = (ROOT / "docs" / "labeling.md").read_text()
    names = {path.name for path in root.iterdir() if path.name[0] != "."}
    assert {name for name in names if not re.search(rf"`{re.escape(name)}[`/]", page)} == set()
    columns = (root / "selection.csv").read_text("utf-8-sig").partition("\n")[0].strip()
    listed = page.partition("Columns: ")[2].partition(" |\n")[0]
    in_code = ",".join(re.findall(r"`([^`]+)`", listed))
    assert re.findall(r"\w+", in_code) == columns.split(",")


def test_constraints_pin_every_dependency() -> None:
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    lines = re.findall(r'^    "([a-z][\w-]*)(?:\[[\w,]+\])?(?:[><=]|")', PYPROJECT, re.MULTILINE)
    assert len(lines) > 20
    assert {name.lower() for name in lines} <= {name.lower() for name in pinned}


PYPROJECT = (ROOT / "pyproject.toml").read_text()


def test_the_installer_uses_the_standard_library_alone() -> None:
    tree = ast.parse((ROOT / "install.py").read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


def test_no_file_of_the_project_names_a_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    pattern = re.compile(r"(?<![\w.])/(?:home|root|work|opt/wheels|Users)/(?!rayal)")
    found = [
        name
        for name in listed.stdout.splitlines()
        if (ROOT / name).is_file() and pattern.search((ROOT / name).read_text(errors="ignore"))
    ]
    assert found == [] or found == ["tests/project/test_docs.py"]


def test_the_guide_to_strategies_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "strategies.md").read_text() == guide.markdown(), (
        "write it again: python -m rayal.guide > docs/strategies.md"
    )


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_every_strategy_says_what_it_costs_when_to_use_it_and_whose_it_is(name: str) -> None:
    said = {part: guide.section(STRATEGIES.find(name), part) for part in guide.SECTIONS}
    assert all(said.values()), said
