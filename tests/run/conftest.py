from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rayal.events.listener import Listener
from rayal.run.queue import TrialQueue
from rayal.storage.held_run import lock_run
from rayal.storage.run import RunStore
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from tests import sweeps


@dataclass
class Encodings:
    """Embeddings that are all there."""

    ready: set[str]
    failed: set[str] = field(default_factory=set)
    displaced: set[str] = field(default_factory=set)
    fatal: str = ""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with lock_run(tmp_path / "run", "small") as claimed:
        yield claimed


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(load_sweep(sweeps.write_sweep(tmp_path, strategies=["random"], seeds=8)))


@pytest.fixture
def encodings(plan: Plan) -> Encodings:
    return Encodings({trial.embedding_id for trial in plan.trials})


@pytest.fixture
def queue(plan: Plan, encodings: Encodings) -> TrialQueue:
    return TrialQueue(plan, plan.trials, encodings, 1, Listener())
