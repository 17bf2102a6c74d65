from typing import Any

import numpy as np
import pytest

from rayal.contracts import Predictions, Task
from rayal.learners.fixmatch import fixmatch
from rayal.registry import LEARNERS
from tests.learners.banded_images import accuracy, task

QUICK = {
    "backbone": "small_cnn", "batch_size": 6, "mu": 4, "steps": 60, "ema": 0.8,
    "augmentation": "crop",
}  # fmt: skip


def learn(given: Task, **params: Any) -> Predictions:
    bound = LEARNERS.find("fixmatch").bind({**QUICK, **params})
    return fixmatch(given, np.random.default_rng(0), **bound)


@pytest.mark.slow
def test_images_without_a_label_teach_it_to_see_copies_alike() -> None:
    scatter = []
    for weight in (0.0, 1.0):
        found = learn(task(3), unlabelled_weight=weight)
        assert accuracy(found.test) > 0.9
        assert found.predict_views is not None
        scatter.append(np.stack(list(found.predict_views())).std(axis=0).mean())
    assert scatter[1] < 0.8 * scatter[0]


def test_no_guess_is_sure_enough_at_a_threshold_of_one() -> None:
    alike = [learn(task(3), threshold=1.0, steps=5, unlabelled_weight=w).test for w in (0.0, 1.0)]
    assert np.array_equal(*alike)


def test_defaults_are_the_published_ones() -> None:
    bound = LEARNERS.find("fixmatch").bind({})
    published = {
        "steps": 2**20, "batch_size": 64, "mu": 7, "threshold": 0.95, "unlabelled_weight": 1.0,
        "lr": 0.03, "momentum": 0.9, "weight_decay": 5e-4, "ema": 0.999,
    }  # fmt: skip
    assert {name: bound[name] for name in published} == published


@pytest.mark.parametrize("name", ["threshold", "ema"])
def test_parts_beyond_one_are_refused(name) -> None:
    with pytest.raises(ValueError, match=f"{name}=1.5 is refused"):
        LEARNERS.find("fixmatch").bind({name: 1.5})
