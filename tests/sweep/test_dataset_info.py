"""What a plan knows of a dataset."""

from pathlib import Path

from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from tests.sweep.small_sweeps import SMALL, write


def test_imbalances_of_one_absent_dataset_are_told_apart(tmp_path: Path) -> None:
    steps = [
        {"name": "cifar10", "root": str(tmp_path), "imbalance": {"step": s}} for s in (0.1, 0.3)
    ]
    sweep = load_sweep(write(tmp_path, {**SMALL, "datasets": steps}))
    plan = make_plan(sweep, absent_data=True)
    assert set(plan.datasets) == {"cifar10-step0.1", "cifar10-step0.3"}
    assert {facts.train for facts in plan.datasets.values()} == {27_500, 32_500}
