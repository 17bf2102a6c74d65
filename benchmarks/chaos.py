"""What a sweep withstands: `python -m benchmarks.chaos [--fault NAME ...]`.

Real Ray nodes, each on a host with a network of its own (see hosts.py), run a real sweep: a head
without CPUs, on which the driver runs too, and workers with one CPU each. Faults strike at seeded
moments, in one run of at least 300 trials for each fault:

* encoder-node: kill -9 of the encoder actors, which lie beside the driver; the first sixth of the
  strikes hit the node on which an encoder trains with all of its processes, each after a further
  epoch that was kept (what is left of these when the training is over are strikes like the others);
* trial-node: the same of a node with trials under way;
* driver: kill -9 of the sweep's process, then the same command again;
* head: kill -9 of the head with all that is on it, then the cluster again, then the command again;
* partition: 30 s in which every packet between a worker node and all others is lost;
* leave-return: a worker node is told to leave, or is killed; seconds later a new one joins.

A struck node, like a driver, comes back 1 to 4 seconds later, and the next strike waits until more
trials have been taken up. Afterwards every trial of the plan must have its record, written once and
equal, but for seconds, to that of an undisturbed run.
Accepted: nothing lost, failed, doubled or differing, and no driver that ended by itself.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import faults, hosts
from benchmarks.compare_runs import Comparison, RecordWatcher, compare
from benchmarks.faults import Field, Strike
from rayal.events.listener import Listener
from rayal.run import local
from rayal.storage.held_run import lock_run
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan

PAUSE = "RAYAL_CHAOS_PAUSE"
POLL_SECONDS = 0.25
TRAINING = "training-node"

PLUGIN = f"""
import os
import time

from rayal.contracts import learner
from rayal.learners.knn import knn


@learner()
def patient(task, rng, *, k: int = 1):
    \"\"\"knn, after a pause: long enough to be struck, on a machine that has other work.\"\"\"
    time.sleep(float(os.environ.get("{PAUSE}", 0)))
    return knn(task, rng, k=k)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Strike, print the table; 1 when anything is not as accepted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    hosts.enter("benchmarks.chaos", words)
    with tempfile.TemporaryDirectory(prefix="ch-") as name:
        folder = options.keep or Path(name)
        folder.mkdir(exist_ok=True)
        undisturbed = _undisturbed(folder, options.trials)
        chosen = options.fault or [name for name in _strikes(options) if name != TRAINING]
        runs = [tuple(chosen)] if options.together else [(fault,) for fault in chosen]
        lines = [_struck(names, folder, undisturbed, options) for names in runs]
    print("\n" + " | ".join(HEADER))
    for line in lines:
        print(" | ".join(line.cells()))
    return 0 if all(line.is_clean for line in lines) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Strike a sweep on a cluster; print what it took.")
    parser.add_argument("--fault", action="append", metavar="NAME", help="default: each in turn")
    parser.add_argument("--together", action="store_true", help="all faults in one run, in turn")
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--strikes", type=int, default=20, help="of each fault")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--partition", type=float, default=30.0, help="seconds")
    parser.add_argument("--pause", type=float, default=0.15, help="seconds a round of most trials")
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds that a run may take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a short path for what the runs leave")
    return parser


def _strikes(options: argparse.Namespace) -> dict[str, Strike]:
    return {
        "encoder-node": faults.strike_encoder_node,
        TRAINING: faults.training_node(),
        "trial-node": faults.strike_trial_node,
        "driver": faults.strike_driver,
        "head": faults.strike_head,
        "partition": faults.partition(options.partition),
        "leave-return": faults.strike_leave_return,
    }


# What is run -------------------------------------------------------------------------


def write_sweep(folder: Path, trials: int) -> Path:
    """Write a sweep of at least so many trials: cycles, single queries, an encoder that trains."""
    moco = {
        "name": "moco", "backbone": "small_cnn", "epochs": 24, "batch_size": 256, "queue": 512,
        "warmup_epochs": 1, "augmentation": "grey",
    }  # fmt: skip
    on_trained = max(1, trials // 20)
    cycles = {
        "encoders": ["pixels"],
        "initial": ["random"],
        "strategies": ["entropy", "margin", "k_center"],
        "learners": ["patient", "linear"],
        "cycles": {"start": 10, "step": 10, "rounds": 5},
        "seeds": math.ceil((trials - 2 * on_trained) / 6),
    }
    single = {
        "encoders": [moco],
        "strategies": ["random", "k_center"],
        "learners": ["patient"],
        "budgets": [20],
        "seeds": on_trained,
    }
    sweep = {
        "name": "chaos",
        "plugins": ["plugin.py"],
        "datasets": ["digits"],
        "parts": {"single": single, "cycles": cycles},
        "resources": {"pretrain": {"cpus": 1}, "autoscale": {"nodes": 3, "cpus": 1}},
    }
    (folder / "plugin.py").write_text(PLUGIN)
    path = folder / "sweep.yaml"
    path.write_text(json.dumps(sweep))
    return path


def _undisturbed(folder: Path, trials: int) -> Path:
    """Run the sweep without Ray, as far as the records."""
    plan = make_plan(load_sweep(write_sweep(folder, trials)))
    root = folder / "undisturbed"
    with lock_run(root, plan.sweep.name) as held:
        done = held.finished()
        local.run(plan, [t for t in plan.trials if t.id not in done], held, Listener())
    return root


# One run, struck -----------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A line of the table."""

    faults: str
    strikes: int
    seconds: float
    ended_by_itself: int  # drivers that nobody had killed
    comparison: Comparison

    @property
    def is_clean(self) -> bool:
        return self.comparison.is_clean and not self.ended_by_itself

    def cells(self) -> list[str]:
        result = self.comparison
        wrong = map(len, (result.lost, result.failed, result.doubled, result.differing))
        first = (self.faults, self.strikes, f"{self.seconds:.0f}", result.trials, result.again)
        return [str(cell) for cell in (*first, *wrong, self.ended_by_itself)]


HEADER = (
    "fault", "strikes", "seconds", "trials", "started again", "lost", "failed", "doubled",
    "differing", "driver ended by itself",
)  # fmt: skip


def _struck(
    names: Sequence[str], folder: Path, undisturbed: Path, options: argparse.Namespace
) -> Line:
    """Run the sweep and strike; all moments are drawn before it starts."""
    title = names[0] if len(names) == 1 else "together"
    rng = random.Random(f"{options.seed} {title}")
    turns = _turns(names, options, rng)
    own_folder = folder / title
    own_folder.mkdir()
    field = Field(own_folder, folder / "sweep.yaml", options.workers, {PAUSE: str(options.pause)})
    run = _Run(field, turns, _strikes(options), rng)
    try:
        run.to_its_end(options.limit)
    finally:
        field.end()
    comparison = compare(field.out, undisturbed, run.watcher.rewritten)
    return Line(title, len(turns) - len(run.left), run.seconds, run.gave_up, comparison)


def _turns(
    names: Sequence[str], options: argparse.Namespace, rng: random.Random
) -> list[tuple[int, str]]:
    """Draw after how many records each strike comes; those on a training come first."""
    count = options.strikes * len(names)
    moments = sorted(rng.choices(range(int(0.85 * options.trials)), k=count))
    turns = [(moment, names[i % len(names)]) for i, moment in enumerate(moments)]
    holders = [i for i, (_, name) in enumerate(turns) if name == "encoder-node"]
    for i in holders[: math.ceil(options.strikes / 6)]:
        turns[i] = (0, TRAINING)
    return sorted(turns, key=lambda turn: turn[0])


class _Run:
    """A sweep that is struck when so many records are there."""

    def __init__(
        self,
        field: Field,
        turns: Sequence[tuple[int, str]],
        strikes: Mapping[str, Strike],
        rng: random.Random,
    ) -> None:
        self._field, self._strikes, self._rng = field, strikes, rng
        self.watcher, self.left = RecordWatcher(field.out), list(turns)
        self.gave_up, self.seconds = 0, 0.0
        self._not_before, self._starts = 0.0, 0

    def to_its_end(self, limit: float) -> None:
        """Strike and wait.

        Raises:
            TimeoutError: it does not end within so many seconds.
        """
        started = time.monotonic()
        while not (self._field.is_whole and self.watcher.has_ended()):
            self._field.tend()
            self._look_at_driver()
            self._strike_when_due(self.watcher.look())
            self.seconds = time.monotonic() - started
            if self.seconds > limit:
                raise TimeoutError(f"the run did not end in {limit:.0f} s")
            time.sleep(POLL_SECONDS)

    def _look_at_driver(self) -> None:
        field = self._field
        if not (field.is_whole and field.driver) or field.driver.poll() is None:
            return
        if not self.watcher.has_ended():
            self.gave_up += 1
            print(f"the driver ended by itself, status {field.driver.returncode}", flush=True)
            field.want_driver()

    def _strike_when_due(self, records: int) -> None:
        if not (self.left and self._field.is_whole and records >= self.left[0][0]):
            return
        now, name, starts = time.monotonic(), self._next(), self.watcher.starts()
        if starts <= self._starts and name != TRAINING:
            return  # it has not come to work again since the last strike
        self._not_before = self._not_before or now + self._rng.uniform(0, 2)
        if now >= self._not_before and self._strikes[name](self._field, self._rng):
            del self.left[0]
            self._not_before, self._starts = 0.0, starts
            print(f"{name} at {records} records, {len(self.left)} strikes left", flush=True)

    def _next(self) -> str:
        """Name the next strike; what cannot come any more would keep all others from coming."""
        name = self.left[0][1]
        return "encoder-node" if name == TRAINING and self._field.has_trained() else name


if __name__ == "__main__":
    sys.exit(main())
