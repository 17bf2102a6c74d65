from collections.abc import Iterator
from pathlib import Path

import pytest

from rayal.storage.held_run import lock_run
from rayal.storage.run import RunStore
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from tests import sweeps


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Two trials of two rounds."""
    cycles = {
        "initial": ["random"],
        "strategies": ["margin"],
        "budgets": None,
        "cycles": {"start": 10, "step": 10, "rounds": 2},
        "seeds": 2,
    }
    return make_plan(load_sweep(sweeps.write_sweep(tmp_path_factory.mktemp("plan"), **cycles)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with lock_run(tmp_path / "run", "small") as claimed:
        yield claimed
