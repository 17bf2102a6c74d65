import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rayal.cli import bundled_analysis as bundled
from rayal.cli.bundled_analysis import bundled_analysis

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
SWEEP = """
name: small
datasets: [digits]
encoders: [pixels]
learners: [knn]
strategies: [random, kmeans]
budgets: [10]
seeds: 3
resources: {pretrain: {cpus: 1}, trial: {cpus: 1}}
"""
OTHERS = {
    "package": {"analysis/__init__.py": "OF_THE_USER = True\n"},
    "module": {"analysis.py": "OF_THE_USER = True\n"},
    "package that is broken": {"analysis/__init__.py": "def broken(:\n"},
    "folder": {"analysis/frame.py": "OF_THE_USER = True\n", "analysis/notes.txt": ""},
}


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


@pytest.fixture
def fresh(monkeypatch):
    """A process that has not imported any package of this name yet."""
    for name in [n for n in sys.modules if n.split(".")[0] == "analysis"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(bundled, "_LOADED", {})
    yield monkeypatch
    for name in [n for n in sys.modules if n.split(".")[0] == "analysis"]:
        del sys.modules[name]


def _imported(name: str = "analysis") -> Path:
    return Path(importlib.import_module(name).__file__ or "")


@pytest.mark.parametrize("files", OTHERS.values(), ids=list(OTHERS))
def test_the_package_beside_rayal_is_found_whatever_lies_in_the_working_directory(
    fresh, tmp_path, files
) -> None:
    fresh.syspath_prepend(_write(tmp_path, files))
    for _ in range(2):
        with bundled_analysis():
            assert _imported().parent == ROOT / "analysis"
            assert ROOT / "analysis" in _imported("analysis.report").parents


def test_a_package_of_the_users_goes_on_working_before_and_after(fresh, tmp_path) -> None:
    fresh.syspath_prepend(_write(tmp_path, {**OTHERS["package"], "analysis/plots.py": ""}))
    theirs = importlib.import_module("analysis.plots")
    with bundled_analysis():
        assert _imported().parent == ROOT / "analysis"
        assert "analysis.plots" not in sys.modules
    assert sys.modules["analysis.plots"] is theirs
    assert sys.modules["analysis"].OF_THE_USER


def test_modules_of_ours_are_loaded_once_however_often_they_are_needed(fresh, tmp_path) -> None:
    fresh.syspath_prepend(_write(tmp_path, OTHERS["module"]))
    loaded = []
    for _ in range(2):
        with bundled_analysis():
            loaded.append(importlib.import_module("analysis.report"))
    assert loaded[0] is loaded[1]


def test_a_fault_within_the_block_gives_the_name_back(fresh, tmp_path) -> None:
    fresh.syspath_prepend(_write(tmp_path, OTHERS["module"]))
    with pytest.raises(ZeroDivisionError), bundled_analysis():
        raise ZeroDivisionError
    assert _imported() == tmp_path / "analysis.py"


def _sweep(where: Path, tmp_path: Path, text: str = SWEEP) -> subprocess.CompletedProcess[str]:
    (tmp_path / "small.yaml").write_text(text)
    command = [sys.executable, "-m", "rayal.sweep", str(tmp_path / "small.yaml")]
    return subprocess.run(
        [*command, "--out", str(tmp_path / "run"), "--local"],
        cwd=where, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_a_sweep_beside_a_package_of_that_name_gives_its_table_and_its_report(tmp_path) -> None:
    made = _sweep(_write(tmp_path / "project", OTHERS["package"]), tmp_path)
    assert made.returncode == 0, made.stderr
    assert "AUC mean±std" in made.stdout
    assert (tmp_path / "run" / "report" / "index.html").is_file()


FAULTY = """
from rayal.contracts import strategy

@strategy()
def faulty(pool, budget, rng):
    import analysis.report
    def broken(*_, **__):
        raise RuntimeError("no page today")
    analysis.report.write_all = broken
    analysis.load = broken
    raise ValueError("no choice today")
"""


def test_a_fault_in_summing_up_costs_neither_results_nor_the_list_of_failures(tmp_path) -> None:
    _write(tmp_path, {"faulty.py": FAULTY})
    text = SWEEP.replace("[random, kmeans]", "[random, faulty]") + "plugins: [faulty.py]\n"
    made = _sweep(tmp_path, tmp_path, text)
    assert made.returncode == 1, made.stderr
    assert "the summary could not be made (RuntimeError: no page today)" in made.stdout
    assert "the report could not be made (RuntimeError: no page today)" in made.stdout
    assert "3 of 6 trials done, 3 failed" in made.stdout
    assert "  3 trials failed: ValueError: no choice today\n" in made.stdout
    assert len(list((tmp_path / "run" / "records").glob("*.json"))) == 3
