import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from rayal.contracts import Predictions, Task
from rayal.learners.scratch import scratch
from rayal.registry import LEARNERS
from rayal.vision import networks
from tests.learners.banded_images import C, accuracy, task

pytestmark = pytest.mark.slow

QUICK = {"backbone": "small_cnn", "batch_size": 8, "epochs": 6, "augmentation": "none"}


def learn(given: Task, seed: int = 0, **params: Any) -> Predictions:
    bound = LEARNERS.find("scratch").bind({**QUICK, **params})
    return scratch(given, np.random.default_rng(seed), **bound)


def bind(**params: Any) -> set[str]:
    component = LEARNERS.find("scratch")
    return component.traits.gives(component.bind(params))


@pytest.mark.parametrize(
    "recipe",
    [
        {"optimiser": "adam", "lr": 0.001, "weight_decay": 0.0, "milestones": []},
        {"lr": 0.1, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0, "milestones": [],
         "plateau_patience": 8, "early_stopping": 50, "augmentation": "hacon", "epochs": 20},
        {"lr": 0.01, "milestones": [1, 2, 3, 4]},
        {"lr": 0.1, "milestones": [3, 5], "gamma": 0.1},
    ],
    ids=["MSAL", "HaCon", "CBAL", "low-budget"],
)  # fmt: skip
def test_the_papers_recipes_learn(recipe) -> None:
    assert accuracy(learn(task(), **recipe).test) > 0.6


def test_the_recipe_of_table_5_stops_early() -> None:
    recipe = {"lr": 0.05, "plateau_patience": 2, "early_stopping": 4, "epochs": 100_000}
    assert accuracy(learn(task(), **recipe).test) > 0.9


@pytest.mark.parametrize("watcher", ["plateau_patience", "early_stopping"])
def test_watching_a_validation_set_needs_one(watcher) -> None:
    with pytest.raises(ValueError, match=r"scratch: plateau_patience and early_stopping watch"):
        learn(task(val=None), **{watcher: 3})
    learn(task(val=None))


def test_nesterov_without_momentum_is_refused_when_planned() -> None:
    with pytest.raises(ValueError, match=r"nesterov=true needs a momentum above 0"):
        bind(momentum=0.0)
    bind(momentum=0.0, nesterov=False)
    bind(momentum=0.0, optimiser="adam")


def test_initial_weights_depend_on_the_generator_and_not_on_the_labels() -> None:
    few, many = learn(task(3), lr=1e-12, epochs=1), learn(task(60), lr=1e-12, epochs=1)
    # Running statistics of batch norm differ; what a random network knows of classes does not.
    for one, other in ((few, many),):
        assert np.corrcoef(one.test.ravel(), other.test.ravel())[0, 1] > 0.5


def test_initial_weights_come_from_a_file(tmp_path) -> None:
    given = networks.backbone("small_cnn", "imagenet", 1, seed=9)
    torch.save(given.state_dict(), tmp_path / "start.pt")
    plain = learn(task(), epochs=1)
    told = learn(task(), epochs=1, weights=str(tmp_path / "start.pt"))
    assert not np.array_equal(plain.test, told.test)
    with pytest.raises(ValueError, match="there is no such file"):
        learn(task(), weights=str(tmp_path / "absent.pt"))


def test_ceal_trains_on_what_the_round_before_was_sure_of() -> None:
    sure = np.eye(C, dtype=np.float32)[np.arange(60) % C]
    earlier = Predictions(sure[:0], lambda: sure)
    told = dataclasses.replace(task(6), round=1, previous_predictions=earlier)
    found = learn(told, pseudo_labels="ceal")
    assert np.array_equal(found.test, learn(task(60)).test)
    plain = learn(task(6))
    late = dataclasses.replace(told, round=1000)
    assert np.array_equal(learn(late, pseudo_labels="ceal").test, plain.test)
    assert np.array_equal(learn(task(6), pseudo_labels="ceal").test, plain.test)
    unsure = Predictions(sure[:0], lambda: np.full((60, C), 1 / C, np.float32))
    doubting = dataclasses.replace(told, previous_predictions=unsure)
    assert np.array_equal(learn(doubting, pseudo_labels="ceal").test, plain.test)


def test_a_resnet_learns_too() -> None:
    found = learn(task(24, n=24, m=12), backbone="resnet18", stem="imagenet", epochs=8)
    assert found.penultimate_features().shape == (24, 512)
    assert accuracy(found.pool, seed=0) > 0.9
