"""One id, one result: an edited plugin, a file replaced under its name, and runs from before."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import analysis
from rayal.cli import run_status
from tests import sweeps

pytestmark = pytest.mark.slow

PLUGIN = '''
import numpy as np

import taking
from rayal.contracts import Embedding, encoder, strategy


@strategy()
def mine(pool, budget, rng):
    """Take some images."""
    return taking.take(pool.unlabeled, budget)


@encoder()
def from_file(dataset, rng, progress, *, features: str):
    """Read features."""
    train = np.load(features)
    return Embedding(train, np.zeros((len(dataset.test.labels), train.shape[1]), np.float32))
'''
FIRST, LAST = (
    "def take(pool, n):\n    return pool[:n]\n",
    "def take(pool, n):\n    return pool[-n:]\n",
)
N = 1257  # of the pool of digits


def write_features(folder: Path, seed: int) -> None:
    import numpy as np

    values = np.random.default_rng(seed).normal(size=(N, 4)).astype(np.float32)
    np.save(folder / "features.npy", values)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sweeps.write_sweep(
        tmp_path, strategies=["random", "mine"], budgets=[10], seeds=2, plugins=["own.py"]
    )
    (tmp_path / "own.py").write_text(PLUGIN)
    (tmp_path / "taking.py").write_text(FIRST)
    return tmp_path


def run(folder: Path, *options: str, expected: int = 0) -> str:
    """Run the sweep in its folder and return what was printed."""
    done = subprocess.run(
        [*sweeps.command(Path("sweep.yaml"), Path("run"), "--local"), *options],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
        env={**sweeps.environment(), "PYTHONPATH": f"{sweeps.ROOT}{os.pathsep}{folder}",
             "RAYAL_CACHE": str(folder / "cache"), "COLUMNS": "1000"}, check=False,
    )  # fmt: skip
    assert done.returncode == expected, done.stdout
    return done.stdout


def chosen(folder: Path, strategy: str) -> list[list[int]]:
    """What the trials of the present plan chose."""
    plan = json.loads((folder / "run" / "plan.json").read_text())["trials"]
    found = sweeps.records(folder / "run")
    return [
        found[trial]["rounds"][0]["selected"]
        for trial, definition in plan.items()
        if definition["strategy"]["name"] == strategy
    ]


def test_an_edited_helper_of_a_plugin_runs_its_trials_again_and_no_others(folder: Path) -> None:
    run(folder)
    assert "all 4 trials are done already" in run(folder)
    (old,) = {tuple(indices) for indices in chosen(folder, "mine")}
    (folder / "taking.py").write_text(LAST)

    before = run_status.read(folder / "run")
    assert [Path(path).name for path in before.changed_files] == ["taking.py"]
    assert len(before.outdated) == 2
    planned = run(folder, "--dry-run")
    assert "made by other files or plugins than the present ones" in planned
    assert "2 finished trials" in planned
    assert "to run with the present ones: 2 trials" in planned
    assert "2 done already" in planned

    assert "4 trials, 2 done already" in run(folder)
    (new,) = {tuple(indices) for indices in chosen(folder, "mine")}
    assert set(new).isdisjoint(old)
    after = run_status.read(folder / "run")
    assert len(after.superseded) == 2
    assert after.outdated == ()
    assert after.trials == run_status.Counts(done=4)

    (folder / "taking.py").write_text(FIRST)  # back again: those records are the plan's once more
    assert "all 4 trials are done already" in run(folder)
    assert {tuple(indices) for indices in chosen(folder, "mine")} == {old}


def test_a_comment_elsewhere_and_another_place_change_nothing(folder: Path) -> None:
    run(folder)
    (folder / "not_imported.py").write_text("x = 1\n")
    (folder / "taking.py").write_bytes(FIRST.replace("\n", "\r\n").encode())
    assert "all 4 trials are done already" in run(folder)


def test_a_file_that_a_plugins_encoder_names_is_part_of_the_id(folder: Path) -> None:
    write_features(folder, seed=1)
    sweeps.write_sweep(
        folder, strategies=["kmeans"], budgets=[10], seeds=1, plugins=["own.py"],
        encoders=[{"name": "from_file", "features": "features.npy"}],
    )  # fmt: skip
    run(folder)
    first = chosen(folder, "kmeans")
    assert "all 1 trials are done already" in run(folder)
    write_features(folder, seed=2)
    assert "made by other files" in run(folder)
    assert chosen(folder, "kmeans") != first
    assert len(list((folder / "run" / "artefacts").iterdir())) == 2
    (folder / "features.npy").rename(folder / "moved.npy")
    sweeps.write_sweep(
        folder, strategies=["kmeans"], budgets=[10], seeds=1, plugins=["own.py"],
        encoders=[{"name": "from_file", "features": "moved.npy"}],
    )  # fmt: skip
    assert "all 1 trials are done already" in run(folder)  # its content counts, not its place


def forget_contents(folder: Path) -> None:
    """Make a run look as one of a version whose ids did not cover files and sources."""
    plan = json.loads((folder / "run" / "plan.json").read_text())
    renamed = {trial: d.get("named", trial) for trial, d in plan["trials"].items()}

    def plain(definition: dict[str, Any]) -> dict[str, Any]:
        kinds = ("encoder", "initial", "strategy", "learner")
        for kind in kinds:
            definition[kind].pop("source", None)
        definition.pop("named", None)
        return definition

    plan["trials"] = {renamed[trial]: plain(d) for trial, d in plan["trials"].items()}
    plan.pop("contents")
    (folder / "run" / "plan.json").write_text(json.dumps(plan))
    for trial, record in sweeps.records(folder / "run").items():
        (folder / "run" / "records" / f"{trial}.json").unlink()
        record = {**record, "trial": renamed[trial], "definition": plain(record["definition"])}
        path = folder / "run" / "records" / f"{renamed[trial]}.json"
        path.write_text(json.dumps(record))


def test_a_run_from_before_stays_done_is_named_and_is_watched_from_then_on(folder: Path) -> None:
    run(folder)
    forget_contents(folder)
    before = sweeps.results(folder / "run")
    said = run(folder)
    assert "all 4 trials are done already" in said
    assert "made before ids covered files and plugins" in said
    assert "2 finished trials" in said
    assert sweeps.results(folder / "run") == before

    (folder / "taking.py").write_text(LAST)
    assert len(run_status.read(folder / "run").outdated) == 2
    assert "4 trials, 2 done already" in run(folder)
    assert len(run_status.read(folder / "run").superseded) == 2


def test_trials_in_doubt_are_run_again_when_asked_for(folder: Path) -> None:
    run(folder)
    forget_contents(folder)
    run(folder)
    assert "4 trials, 2 done already" in run(folder, "--redo", "unverified")


@pytest.mark.parametrize(
    ("selector", "done"),
    [("strategy=mine", 2), ("strategy=random,seed=1", 3), ("seed=0", 2), ("all", 0)],
)
def test_chosen_trials_are_run_again(folder: Path, selector: str, done: int) -> None:
    run(folder)
    before = sweeps.results(folder / "run")
    assert f"{done} done already" in run(folder, "--redo", selector, "--dry-run")
    times = {p.name: p.stat().st_mtime_ns for p in (folder / "run" / "records").iterdir()}
    run(folder, "--redo", selector)
    after = {p.name: p.stat().st_mtime_ns for p in (folder / "run" / "records").iterdir()}
    assert sum(after[name] == time for name, time in times.items()) == done
    assert sweeps.results(folder / "run") == before


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ("stratgy=mine", "there is no 'stratgy', did you mean 'strategy'?"),
        ("strategy=kmeans", "means no trial of this sweep"),
        ("mine", "is no selector; give KIND=NAME"),
    ],
)
def test_a_selector_that_means_nothing_is_refused_and_no_record_goes(
    folder: Path, selector: str, said: str
) -> None:
    run(folder)
    done = subprocess.run(
        [*sweeps.command(Path("sweep.yaml"), Path("run"), "--local"), "--redo", selector],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        env={**sweeps.environment(), "PYTHONPATH": f"{sweeps.ROOT}{os.pathsep}{folder}"},
    )  # fmt: skip
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert len(sweeps.records(folder / "run")) == 4


def test_a_repaired_plugin_leaves_no_failure_of_what_it_was_before(folder: Path) -> None:
    (folder / "taking.py").write_text("def take(pool, n):\n    return pool[:n] / 0\n")
    assert "2 of 4 trials done, 2 failed" in run(folder, expected=1)
    assert len(list((folder / "run" / "failures").glob("*.log"))) == 2
    (folder / "taking.py").write_text(FIRST)
    said = run(folder)
    assert "2 failures of trials that the plan does not name: set aside as" in said
    assert "4 of 4 trials done, 0 failed" in said
    after = run_status.read(folder / "run")
    assert after.trials == run_status.Counts(done=4)
    assert not list((folder / "run" / "failures").glob("*.log"))
    assert len(list((folder / "run" / "failures").glob("*.log.set-aside"))) == 2
    assert len(analysis.load(folder / "run")) == 4
    assert "set aside" not in run(folder)
