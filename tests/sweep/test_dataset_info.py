"""What a plan knows of a dataset."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from rayal.registry import DATASETS
from rayal.sweep.dataset_info import dataset_info
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


@pytest.mark.parametrize("change", [{"name": "d\udce9"}, {"classes": ("a", "\udce9")}])
def test_names_that_utf_8_cannot_write_are_refused(change: dict[str, Any]) -> None:
    data = DATASETS.find("digits").function()
    with pytest.raises(ValueError, match=r"udce9.* no text that UTF-8 can write"):
        dataset_info(dataclasses.replace(data, **change))
