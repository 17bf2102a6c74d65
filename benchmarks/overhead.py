"""What the sweep adds to the work of its trials: `python -m benchmarks.overhead`.

Two measurements on the CPUs of this machine, each end to end from the moment the encoder stage is
ready (Ray is up by then) to the last record on disk:

* 500 trivial trials (raw pixels, two images, a learner that answers at once).
  Accepted: at most 25 ms a trial.
* 100 trials that sleep 0.5 s. Ideal: trials x 0.5 s / CPUs.
  Accepted: at least 90 % of the ideal rate, counted over the trials after the workers have
  started; the whole, with the start of the workers, is printed beside it.

In the same run, as plain baselines: the same trials without Ray, and as many empty functions
scheduled by Tune alone with the settings that are fastest for short trials.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from rayal.events.dispatch import Dispatcher
from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.run import local
from rayal.run.ray import driver
from rayal.run.ray.session import ray_session
from rayal.storage.held_run import lock_run
from rayal.sweep.definition import Trial
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from rayal.sweep.schema import Resources

PLUGIN = """
import time

import numpy as np

from rayal.contracts import Predictions, learner


@learner()
def instant(task, rng, *, seconds: float = 0.0):
    time.sleep(seconds)
    even = lambda n: np.full((n, task.num_classes), 1 / task.num_classes, dtype=np.float32)
    return Predictions(even(len(task.test)), lambda: even(len(task.train)))
"""


def main() -> None:
    """Print the two figures and their baselines."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", type=int, default=500)
    options.add_argument("--long-trials", type=int, default=100)
    arguments = options.parse_args()
    cpus = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="rayal-bench-") as folder:
        place = Path(folder)
        (place / "plugin.py").write_text(PLUGIN)
        trials, long_trials = arguments.trials, arguments.long_trials
        trivial = _plan(place, trials, 0.0)
        local_seconds, _ = _time_local(trivial, place / "local")
        ray_seconds, _ = _time_ray(trivial, place / "ray")
        bare = _time_tune(trials)
        print(
            f"{trials} trivial trials: {1000 * ray_seconds / trials:.1f} ms each under Ray, "
            f"{1000 * local_seconds / trials:.1f} ms without, "
            f"{1000 * bare / trials:.1f} ms for Tune alone with empty functions, "
            f"ratio {ray_seconds / bare:.2f} to Tune alone (accepted: 25 ms)"
        )
        long = _plan(place, long_trials, 0.5)
        ray_seconds, ends = _time_ray(long, place / "long")
        ideal = long_trials * 0.5 / cpus
        steady = (len(ends) - 1 - cpus) * 0.5 / cpus / (ends[-1] - ends[cpus])
        print(
            f"{long_trials} trials of 0.5 s on {cpus} CPUs: {steady:.0%} of the ideal rate "
            f"once the workers run, {ideal / ray_seconds:.0%} with their start (accepted: 90 %)"
        )


def _plan(place: Path, trials: int, seconds: float) -> Plan:
    sweep = {
        "name": "overhead",
        "plugins": ["plugin.py"],
        "datasets": ["digits"],
        "encoders": ["pixels"],
        "strategies": ["random"],
        "learners": [{"name": "instant", "seconds": seconds}],
        "budgets": [2],
        "seeds": trials,
    }
    path = place / "sweep.yaml"
    path.write_text(json.dumps(sweep))
    return make_plan(load_sweep(path))


class _Clock(Listener):
    """Notes when the embedding is ready, for then the trials can begin, and when trials end."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.started = 0.0

    def encoding_finished(self, trial: Trial, seconds: float) -> None:
        self.started = time.perf_counter()

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        self.ends.append(time.perf_counter())


def _time_ray(plan: Plan, root: Path) -> tuple[float, list[float]]:
    clock = _Clock()
    with lock_run(root, plan.sweep.name) as held:
        with Dispatcher(clock, [], plan, held) as events:
            driver.run(plan, plan.trials, held, events, None)
        assert len(held.finished()) == len(plan.trials)
    return clock.ends[-1] - clock.started, clock.ends


def _time_tune(trials: int) -> float:
    """Seconds for as many empty functions, from Tuner.fit to its last result, Ray being up."""
    from ray import tune

    ends = []

    class Ends(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            ends.append(time.perf_counter())

    def empty(config: dict[str, Any]) -> None:
        tune.report({"seed": config["seed"]})

    with ray_session(Resources(), None, print), tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        tune.Tuner(
            tune.with_resources(empty, {"cpu": 1}),
            param_space={"seed": tune.grid_search(list(range(trials)))},
            tune_config=tune.TuneConfig(reuse_actors=True),
            run_config=tune.RunConfig(storage_path=scratch, verbose=0, callbacks=[Ends()]),
        ).fit()
    return ends[-1] - started


def _time_local(plan: Plan, root: Path) -> tuple[float, list[float]]:
    clock = _Clock()
    with lock_run(root, plan.sweep.name) as held:
        local.run(plan, plan.trials, held, clock)
    return clock.ends[-1] - clock.started, clock.ends


if __name__ == "__main__":
    main()
