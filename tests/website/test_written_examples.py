"""What the pages tell people to write works as it stands there."""

import re
from pathlib import Path

import pytest

from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from tests import sweeps
from tests.datasets.made_up_images import noise, save
from tests.labeling.made_up_projects import make_project
from tests.scripts import run_script

ROOT = Path(__file__).parent.parent.parent


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / f"{page}.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def write_examples(page: str, folder: Path, *files: str) -> None:
    """Write a page's first blocks of Python and YAML under names that stand on the page."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    for name in files:
        assert f"`{name}`" in text
        language = "yaml" if name.endswith(".yaml") else "python"
        (folder / name).write_text(blocks(page, language)[0])


def run(code: str, folder: Path, *arguments: str) -> str:
    return run_script(code, *arguments, cwd=folder, env=sweeps.environment()).stdout


@pytest.fixture(scope="module")
def example_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the strategies, the learner and the dataset of the pages."""
    folder = tmp_path_factory.mktemp("examples")
    write_examples("write-a-strategy", folder, "edge_first.py")
    write_examples("write-a-learner", folder, "centroid.py")
    write_examples("write-a-dataset", folder, "stripes.py")
    (folder / "second_guess.py").write_text(blocks("write-a-strategy", "python")[1])
    sweep = sweeps.write_sweep(
        folder,
        plugins=["edge_first.py", "centroid.py", "stripes.py", "second_guess.py"],
        datasets=["stripes"],
        strategies=None,
        learners=["centroid"],
        budgets=None,
        parts={
            "first": {"strategies": ["random", "edge_first"], "budgets": [8, 16]},
            "later": {
                "initial": ["edge_first"],
                "strategies": [{"name": "second_guess", "stochastic": {"beta": 1}}],
                "cycles": {"start": 8, "step": 8, "rounds": 2},
            },
        },
        seeds=2,
    )
    ended = sweeps.run(sweep, folder / "run", "--local")
    assert ended.returncode == 0, ended.stdout
    return folder / "run"


@pytest.mark.slow
def test_strategies_learner_and_data_set_run_in_one_sweep(example_run: Path) -> None:
    records = sweeps.records(example_run).values()
    later = [r["rounds"][1] for r in records if len(r["rounds"]) == 2]
    assert [len(row["selected"]) for row in later] == [8, 8]
    assert all(row["auc"] > 0.6 for row in later)


@pytest.mark.slow
def test_the_table_for_a_paper_has_a_row_for_each_strategy(example_run: Path) -> None:
    code = blocks("results", "python")[-1].replace("runs/quickstart", str(example_run))
    table = run(code, example_run)
    assert [row.split(" & ")[0] for row in table.splitlines() if "pm" in row] == [
        r"edge\_first",
        "random",
    ]
    assert table.count(r"$\pm$") == 4


@pytest.mark.slow
def test_the_sweep_files_beside_the_examples_plan(tmp_path: Path) -> None:
    write_examples("write-a-strategy", tmp_path, "edge_first.py", "edge_first.yaml")
    write_examples("write-a-learner", tmp_path, "centroid.py", "centroid.yaml")
    write_examples("write-a-dataset", tmp_path, "stripes.py", "stripes.yaml")
    code = """
from pathlib import Path
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
for path in sorted(Path().glob("*.yaml")):
    print(path.stem, len(make_plan(load_sweep(path)).trials))
"""
    assert run(code, tmp_path).split() == ["centroid", "40", "edge_first", "60", "stripes", "60"]


@pytest.mark.filterwarnings("ignore:.*are enlarged")
def test_the_sweep_of_own_images_plans_on_the_folders_that_the_page_describes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(75):
        save(tmp_path / "cells" / "abc"[i % 3] / f"{i}.png", noise(i))
    (tmp_path / "my_cells.yaml").write_text(blocks("index", "yaml")[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "cache"))
    plan = make_plan(load_sweep(Path("my_cells.yaml")))
    assert plan.datasets["cells"].train == 60
    assert {trial.schedule for trial in plan.trials} == {(20,), (50,)}


@pytest.mark.slow
def test_the_start_page_averages_trials_of_one_query_alone(example_run: Path) -> None:
    [code] = blocks("index", "python")
    lines = code.replace("runs/quickstart", str(example_run)).splitlines()
    printed = run("\n".join(line for line in lines if "subprocess" not in line), example_run)
    shown = re.findall(r"^(\w*) +(8|16|24) +[01]\.\d+$", printed, re.MULTILINE)
    assert shown == [("edge_first", "8"), ("", "16"), ("random", "8"), ("", "16")]


@pytest.mark.slow
def test_a_tool_writes_a_round_and_its_labels_come_back(tmp_path: Path) -> None:
    write_examples("write-an-exchange-format", tmp_path, "one_line_each.py")
    project = make_project(tmp_path / "p", rounds=(6,))
    first = project.root / "rounds" / "001.json"
    [rayal_id, *_] = re.findall(r"img_\w+", first.read_text())
    code = """
import sys, rayal.labeling.exchange as package
package.__path__.append(sys.argv[1])
from pathlib import Path
from rayal.labeling.exchange.tool import Sheet, read_export, tools
said = tools()["one-line-each"].write(Sheet(Path(sys.argv[2]), Path(), "p", 1, (), ()))
export = Path(sys.argv[2]) / "to-label.lines"
assert export.read_text() == "" and "to-label.lines" in said
export.write_text(sys.argv[3] + " cat\\n")
from rayal.cli.main import main
main(["ingest", sys.argv[2], str(export)])
"""
    told = run(code, tmp_path, str(tmp_path), str(project.root), rayal_id)
    assert "1" in told
    assert "cat" in (project.root / "answers.jsonl").read_text()


@pytest.mark.slow
def test_a_section_computes_its_table_and_stands_on_the_page(
    example_run: Path, tmp_path: Path
) -> None:
    write_examples("write-a-section", tmp_path, "seconds.py")
    code = """
import sys, analysis.sections as sections
sections.__path__.append(sys.argv[1])
from rayal.cli.main import main
main(["report", sys.argv[2]])
"""
    run(code, tmp_path, str(tmp_path), str(example_run))
    table = (example_run / "tables" / "seconds.csv").read_text().splitlines()
    assert table[0] == "strategy,select_seconds"
    assert len(table) == 4
    page = (example_run / "report" / "index.html").read_text()
    assert "What choosing takes" in page


def test_code_of_the_api_and_of_the_commands_runs() -> None:
    for page in ("api", "commands"):
        for code in blocks(page, "python"):
            exec(code, {})
