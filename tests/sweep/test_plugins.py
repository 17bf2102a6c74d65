"""Plugins that cannot be imported, and plugins whose components fail while a sweep is planned."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rayal.registry import STRATEGIES
from rayal.sweep.contents import check_unchanged, contents_of, with_contents
from rayal.sweep.definition import Spec
from rayal.sweep.errors import Mistakes, SweepError
from rayal.sweep.file import load_sweep
from rayal.sweep.plugins import import_plugins
from rayal.sweep.source_code import source_hash
from tests import sweeps
from tests.sweep.small_sweeps import plan_of, write

BROKEN = {
    "x = 1\n1 / 0\n": "p.py, line 2: ZeroDivisionError: division by zero",
    "x = 1\ndef (\n": "p.py, line 2: SyntaxError: invalid syntax",
    "import sys\nsys.exit(0)\n": r"p.py, line 2: it calls sys.exit when it is imported",
    "import no_such_package\n": "p.py, line 1: ModuleNotFoundError: No module named",
    "raise ValueError('a\\nb')\n": "p.py, line 1: ValueError: a b",
    "raise BaseException\n": "p.py, line 1: BaseException:",
    "class E(Exception):\n    def __str__(self): 1 / 0\nraise E\n": "line 3: E: its message cannot",
    "from rayal.contracts import strategies\n": "p.py, line 1: ImportError: cannot import name",
    "\0": "p.py",
}


@pytest.mark.parametrize(("code", "message"), BROKEN.items(), ids=[code[:20] for code in BROKEN])
def test_a_plugin_that_cannot_be_imported_is_told_with_file_and_line(
    tmp_path: Path, code: str, message: str
) -> None:
    (tmp_path / "p.py").write_text(code)
    with pytest.raises(SweepError, match=message) as refused:
        plan_of(tmp_path, plugins=["p.py"])
    assert len(str(refused.value).splitlines()) == 1


def test_all_plugins_that_cannot_be_imported_are_told(tmp_path: Path) -> None:
    for name in "pq":
        (tmp_path / f"{name}.py").write_text("1 / 0\n")
    with pytest.raises(SweepError, match=r"2 mistakes:\n.*p\.py, line 1.*\n.*q\.py, line 1"):
        plan_of(tmp_path, plugins=["p.py", "q.py"])


def test_what_is_no_plain_file_is_no_plugin(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "device.py").symlink_to("/dev/zero")
    (tmp_path / "folder.py").mkdir()
    with (tmp_path / "large.py").open("wb") as file:
        file.truncate(10**12)
    (tmp_path / "loop.py").symlink_to("loop.py")
    names = ["pipe.py", "device.py", "folder.py", "large.py", "loop.py"]
    names.append("p\0.py")
    with pytest.raises(SweepError, match="6 mistakes"):
        plan_of(tmp_path, plugins=names)


def test_a_plugin_lies_beside_the_sweep_file_or_what_this_is_a_link_to(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/p.py").write_text("x = 1\n")
    file = write(tmp_path / "shared", {**sweeps.SMALL, "plugins": ["p.py"]})
    link = tmp_path / "mine.yaml"
    link.symlink_to(file)
    assert load_sweep(link).plugins == (tmp_path / "shared/p.py",)
    (tmp_path / "p.py").write_text("x = 2\n")
    assert load_sweep(link).plugins == (tmp_path / "p.py",)


def test_a_sweep_written_elsewhere_finds_its_plugins(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("x = 1\n")
    sweep = load_sweep(write(tmp_path, {**sweeps.SMALL, "plugins": ["p.py"]}))
    (tmp_path / "run").mkdir()
    (tmp_path / "run/sweep.yaml").write_text(sweep.as_yaml())
    assert load_sweep(tmp_path / "run/sweep.yaml").plugins == sweep.plugins


def test_what_a_plugin_changes_of_directory_and_streams_when_imported_is_changed_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out = sys.stdout
    (tmp_path / "p.py").write_text("import os, sys\nos.chdir('/')\nsys.stdout = None\n")
    plan_of(tmp_path, plugins=["p.py"])
    assert Path.cwd() == tmp_path
    assert sys.stdout is out


@pytest.mark.slow
def test_a_broken_plugin_ends_the_command_with_one_line_and_status_2(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("import sys\nsys.exit(0)\n")
    path = write(tmp_path, {**sweeps.SMALL, "plugins": ["p.py"]})
    given = [sys.executable, "-m", "rayal.sweep", str(path), "--dry-run"]
    ended = subprocess.run(given, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        f"rayal: sweep 'small': plugin {tmp_path}/p.py, line 2: it calls sys.exit when it is "
        "imported; let it register and return"
    ]


ODD = {
    "needs=lambda params: 1 / 0": "ZeroDivisionError: division by zero .*p.py, line 3",
    "needs=lambda params: __import__('sys').exit(0)": "SystemExit: 0 .*p.py, line 3",
    "needs=lambda params: __import__('no_such_package')": "No module named 'no_such_package'",
}


@pytest.mark.parametrize(("declared", "message"), ODD.items())
def test_a_component_that_fails_while_a_sweep_is_planned_refuses_it(
    tmp_path: Path, declared: str, message: str
) -> None:
    (tmp_path / "p.py").write_text(
        "from rayal.contracts import strategy\n\n"
        f"@strategy({declared})\ndef odd(pool, budget, rng): ...\n"
    )
    try:
        with pytest.raises(SweepError, match=message):
            plan_of(tmp_path, plugins=["p.py"], strategies=["odd"], seeds=1)
    finally:
        STRATEGIES._components.pop("odd")


def test_the_line_is_the_plugins_where_a_tracker_has_replaced_sys_exit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exit(code: object = None) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(sys, "exit", exit)
    (tmp_path / "p.py").write_text(
        "import sys\nfrom rayal.contracts import strategy\n\n"
        "@strategy(needs=lambda params: sys.exit(3))\ndef odd(pool, budget, rng): ...\n"
    )
    with pytest.raises(SweepError, match=r"SystemExit: 3 .*p\.py, line 4"):
        plan_of(tmp_path, plugins=["p.py"], strategies=["odd"], seeds=1)


def test_a_parameter_without_a_type_refuses_the_sweep_and_says_how_to_write_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "p.py").write_text(
        "from rayal.contracts import strategy\n\n"
        "@strategy()\ndef untyped(pool, budget, rng, *, power=3.0): ...\n"
    )
    try:
        with pytest.raises(
            SweepError, match="'untyped': its parameter 'power' has no type; write one, such as"
        ):
            plan_of(
                tmp_path, plugins=["p.py"], strategies=[{"name": "untyped", "power": 4.0}], seeds=1
            )
    finally:
        STRATEGIES._components.pop("untyped")


def test_types_that_cannot_be_read_refuse_the_sweep(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(
        "from __future__ import annotations\nfrom rayal.contracts import strategy\n\n"
        "@strategy()\ndef untold(pool, budget, rng, *, k: Unknown = 3): ...\n"
    )
    try:
        with pytest.raises(
            SweepError, match="'untold': the types of its parameters cannot be read"
        ):
            plan_of(tmp_path, plugins=["p.py"], strategies=[{"name": "untold", "k": 4}], seeds=1)
    finally:
        STRATEGIES._components.pop("untold")


@pytest.mark.parametrize(("declared", "told"), [("files=files", True), ("", False)])
def test_files_that_a_strategy_declares_are_part_of_the_id_by_their_content(
    tmp_path: Path, declared: str, told: bool
) -> None:
    (tmp_path / "p.py").write_text(
        "from pathlib import Path\nfrom rayal.contracts import strategy\n\n"
        "def files(params):\n    return {'path': Path(params['path'])}\n\n"
        f"@strategy({declared})\ndef from_file(pool, budget, rng, *, path: str): ...\n"
    )

    def planned(name: str) -> str:
        entry = {"name": "from_file", "path": str(tmp_path / name)}
        plan = plan_of(tmp_path, plugins=["p.py"], strategies=[entry], seeds=1, budgets=[10])
        [trial] = plan.trials
        return trial.id

    try:
        for name in ("one", "copy"):
            (tmp_path / name).write_text("1 2 3")
        before = planned("one")
        assert (planned("copy") == before) == told
        (tmp_path / "one").write_text("1 2 4")
        assert (planned("one") != before) == told
    finally:
        STRATEGIES._components.pop("from_file", None)


STRATEGY = """
import pathlib
from rayal.contracts import strategy

@strategy()
def NAME(pool, budget, rng):
    return range(budget)
"""


def test_a_plugin_that_is_changed_after_its_import_has_the_hash_of_what_runs(
    tmp_path: Path,
) -> None:
    """Such as one that is saved anew while it imports PyTorch: the old code runs."""
    text = STRATEGY.replace("NAME", "changed_while_imported")
    text += "\npathlib.Path(__file__).write_text('# another one')\n"
    (tmp_path / "own.py").write_text(text)
    import_plugins([tmp_path / "own.py"], Mistakes("sweep"))
    assert (tmp_path / "own.py").read_text() == "# another one"
    (tmp_path / "before.py").write_text(text)
    found = contents_of(STRATEGIES, "changed_while_imported", {})
    assert found.source == source_hash([tmp_path / "before.py"])


def test_so_has_a_module_that_is_changed_before_the_plugin_imports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that is saved anew while the plugin imports PyTorch: the new code runs."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_helper.py").write_text("import own_former\n")
    (tmp_path / "own_former.py").touch()
    text = STRATEGY.replace("NAME", "with_a_changing_helper")
    text += (
        "\nhelper = pathlib.Path(__file__).with_name('own_helper.py')\n"
        "helper.write_text('VALUE = 2')\nimport own_helper\nhelper.write_text('VALUE = 3')\n"
    )
    (tmp_path / "own.py").write_text(text)
    import_plugins([tmp_path / "own.py"], Mistakes("sweep"))
    (tmp_path / "that_runs.py").write_text("VALUE = 2")
    found = contents_of(STRATEGIES, "with_a_changing_helper", {})
    assert found.source == source_hash([tmp_path / "own.py", tmp_path / "that_runs.py"])


def test_what_a_component_imports_later_is_held_against_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would run the text of then, which the plan does not have."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "imported_later.py").write_text("first = 0\n")
    text = STRATEGY.replace("NAME", "imports_later")
    text = text.replace("return", "import imported_later\n    return")
    (tmp_path / "own.py").write_text(text)
    import_plugins([tmp_path / "own.py"], Mistakes("sweep"))
    planned = with_contents(STRATEGIES, Spec("imports_later", {}))
    check_unchanged("strategy", planned)
    (tmp_path / "imported_later.py").write_text("first = 1\n")
    with pytest.raises(ValueError, match="its source is not the one that the sweep was planned"):
        check_unchanged("strategy", planned)
    (tmp_path / "imported_later.py").write_text("first = 0\n")
    importlib.import_module("imported_later")
    (tmp_path / "imported_later.py").write_text("first = 1\n")
    check_unchanged("strategy", planned)  # what is imported is what was planned
