"""Amounts of labeled images."""

from pathlib import Path

import numpy as np
import pytest

from rayal.sweep.errors import SweepError
from tests.sweep.small_sweeps import CYCLES, plan_of

REFUSED = [
    ({"budgets": [0]}, "0 images is out of bounds for digits: a budget is at least 1"),
    ({"budgets": [-5]}, "-5 images is out of bounds"),
    ({"budgets": [100_000]}, "at most its pool of"),
    ({"budgets": ["0.001%"]}, r"0 \('0.001%'\) images is out of bounds"),
    ({"budgets": ["ten"]}, "'ten' is neither a number of images nor a share"),
    ({"budgets": ["200%"]}, "'200%' is neither"),
    (
        {**CYCLES, "cycles": {"start": 5, "step": [5, 5, 5], "rounds": 3}},
        "3 steps are listed for rounds=3; list one for each round after the first, 2",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[str(c)[:60] for c, _ in REFUSED])
def test_a_wrong_sweep_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(SweepError, match=message):
        plan_of(tmp_path, **changes)


def test_a_share_of_the_pool_is_rounded_down(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, budgets=["1%"], strategies=["random"], seeds=1)
    pool = plan.datasets["digits"].train
    assert plan.trials[0].schedule == (pool // 100,)


def test_later_rounds_may_grow_by_unequal_steps(tmp_path: Path) -> None:
    cycles = {"start": 10, "step": [10, "1%", 20], "rounds": 4}
    plan = plan_of(tmp_path, budgets=None, initial=["random"], cycles=cycles, seeds=1)
    assert {t.schedule for t in plan.trials} == {(10, 20, 32, 52)}


@pytest.mark.parametrize(("share", "images"), [("32.3%", 323), ("64.6%", 646), ("0.19%", 1)])
def test_a_share_that_is_a_whole_number_of_images_is_that_number(
    tmp_path: Path, share: str, images: int
) -> None:
    """1000 * 32.3 / 100 is 322.99999999999994 in binary."""
    labels = np.arange(1000) % 2
    arrays = {"images": np.zeros((1000, 1, 1), np.uint8), "labels": labels.astype(np.uint8)}
    parts = {f"{split}_{name}": a for split in ("train", "test") for name, a in arrays.items()}
    np.savez(tmp_path / "thousand.npz", **parts)
    data = {"name": "npz", "path": str(tmp_path / "thousand.npz")}
    plan = plan_of(tmp_path, datasets=[data], budgets=[share], strategies=["random"], seeds=1)
    assert plan.trials[0].schedule == (images,)


def test_budgets_that_are_as_many_images_are_told_once(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, budgets=[10, 10, "1%", "1.01%", 12], strategies=["random"], seeds=1)
    assert [t.schedule for t in plan.trials] == [(10,), (12,)]
    assert plan.repeats == (
        "budgets: 10 and 10 are all 10 images of digits; trials of these run once",
        "budgets: 1% and 1.01% and 12 are all 12 images of digits; trials of these run once",
    )
