"""Whole sweeps with a strategy that clearly loses: it is stopped, and what was spared is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from rayal.cli import run_status
from rayal.cli import sweep as command
from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.run import local
from rayal.run.pruning import make_pruner
from rayal.storage.held_run import lock_run
from rayal.storage.stopped import Stopped, read_pruning
from rayal.sweep.definition import Trial
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from tests import sweeps

pytestmark = pytest.mark.slow

SEEDS = 14
NARROW = '''
import numpy as np

from rayal.contracts import strategy


@strategy()
def narrow(pool, budget, rng):
    """Take the images that lie nearest to one of them."""
    features = pool.features[pool.unlabeled]
    near = ((features - features[rng.integers(len(features))]) ** 2).sum(axis=1)
    return pool.unlabeled[np.argsort(near)[:budget]]
'''


def write(folder: Path, **changes: Any) -> Path:
    given = {
        "strategies": ["random", "kmeans", "narrow"], "budgets": [20], "seeds": SEEDS,
        "prune": "paired", "plugins": ["narrow.py"],
    }  # fmt: skip
    path = sweeps.write_sweep(folder, **{**given, **changes})
    (folder / "narrow.py").write_text(NARROW)
    return path


def stopped_in(out: Path) -> list[Stopped]:
    pruning = read_pruning(out)
    return pruning["stopped"] if pruning else []


def decided(stopped: list[Stopped]) -> list[tuple[object, ...]]:
    """What may not depend on where and when trials ran; how many had been begun may."""
    counted = ("strategy", "schedule", "pairs", "lost", "won", "trials")
    return [tuple(value for key, value in one.items() if key in counted) for one in stopped]


def test_a_strategy_that_loses_is_stopped_it_is_said_and_what_was_spared_can_be_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    given = [str(write(tmp_path)), "--out", str(out), "--local", "--no-report"]
    assert command.main(given) == 0
    first = capsys.readouterr().out
    [stopped] = stopped_in(out)
    assert (stopped["strategy"], stopped["pairs"], stopped["lost"]) == ("narrow", 8, 8)
    spared = len(stopped["spared"])
    assert spared >= SEEDS - 8 - 1
    total = 3 * SEEDS
    assert f"{total - spared} of {total} trials done, {spared} spared, 0 failed" in first
    assert "lost to random in 8 of 8 pairs of the same seed" in first
    assert "Stopped by prune at level 0.05 over 2 comparisons" in first
    assert len(sweeps.records(out)) == total - spared
    [logged] = [
        line
        for line in map(json.loads, (out / "log.jsonl").read_text().splitlines())
        if line["event"] == "strategy_stopped"
    ]
    assert logged["spared"] == stopped["spared"]
    status = run_status.read(out)
    assert status.trials == run_status.Counts(done=total - spared, spared=spared)
    assert status.strategies["narrow"].spared == spared

    assert command.main(given) == 0
    assert f"{spared} spared, 0 failed" in capsys.readouterr().out
    assert decided(stopped_in(out)) == decided([stopped])
    assert len(sweeps.records(out)) == total - spared

    assert command.main([*given, "--set", "prune=null"]) == 0
    assert f"{total} of {total} trials done, 0 failed" in capsys.readouterr().out
    assert not stopped_in(out)
    assert run_status.read(out).trials == run_status.Counts(done=total)


class InterruptedAt(Listener):
    """Interrupts the sweep when so many trials have ended."""

    def __init__(self, most: int) -> None:
        self._left = most

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt


def run_here(plan: Plan, out: Path, events: Listener) -> set[str]:
    """Go on with a run; return the trials that have a record at its end."""
    with lock_run(out, plan.sweep.name) as store:
        todo = [trial for trial in plan.trials if trial.id not in store.finished()]
        pruner = make_pruner(plan, store, events)
        local.run(plan, pruner.kept(todo), store, events, pruner)
        return store.finished()


def test_an_interrupted_run_goes_on_to_the_same_end(tmp_path: Path) -> None:
    plan = make_plan(load_sweep(write(tmp_path, budgets=[12, 20])))
    undisturbed = run_here(plan, tmp_path / "undisturbed", Listener())
    stopped = stopped_in(tmp_path / "undisturbed")
    assert {one["strategy"] for one in stopped} == {"narrow"}
    out = tmp_path / "interrupted"
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run_here(plan, out, InterruptedAt(15))
    ended = run_here(plan, out, Listener())
    assert sorted(decided(stopped_in(out)), key=str) == sorted(decided(stopped), key=str)
    assert len(ended ^ undisturbed) <= 2 * len(stopped)  # batches end at other seeds
    assert {trial.id for trial in plan.trials if trial.strategy.name != "narrow"} <= ended


def test_ray_stops_the_same_as_a_local_run(tmp_path: Path) -> None:
    sweep = write(tmp_path, strategies=["random", "narrow"], seeds=30)
    local_run, on_ray = tmp_path / "local", tmp_path / "ray"
    run_here(make_plan(load_sweep(sweep)), local_run, Listener())
    # One worker: of several, one that starts late may hold the first pair until all others ended.
    ended = sweeps.run(sweep, on_ray, "--set", "resources.machine_cpus=1")
    assert ended.returncode == 0, ended.stdout
    assert decided(stopped_in(on_ray)) == decided(stopped_in(local_run))
    [stopped] = stopped_in(on_ray)
    spared = len(stopped["spared"])
    assert f"{60 - spared} of 60 trials done, {spared} spared, 0 failed" in ended.stdout
    assert stopped["spared"]
    assert not set(stopped["spared"]) & set(sweeps.records(on_ray))
