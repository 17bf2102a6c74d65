"""What scratch, finetune and fixmatch share."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from rayal.contracts import Predictions, Task
from rayal.kernels.prototypes import simplex
from rayal.learners.finetune import finetune
from rayal.learners.fixmatch import fixmatch
from rayal.learners.scratch import scratch
from rayal.registry import LEARNERS
from tests.learners.banded_images import C, accuracy, bands, task

pytestmark = pytest.mark.slow

FUNCTIONS = {"scratch": scratch, "finetune": finetune, "fixmatch": fixmatch}
QUICK: dict[str, dict[str, Any]] = {
    "scratch": {"backbone": "small_cnn", "batch_size": 8, "epochs": 10, "augmentation": "crop"},
    "finetune": {"batch_size": 8, "epochs": 5, "augmentation": "crop"},
    "fixmatch": {
        "backbone": "small_cnn", "batch_size": 8, "mu": 2, "steps": 12, "ema": 0.5,
        "augmentation": "crop",
    },
}  # fmt: skip
LONG = {"scratch": {}, "finetune": {}, "fixmatch": {"steps": 60, "ema": 0.8}}
each = pytest.mark.parametrize("name", list(QUICK))


def test_every_learner_of_images_is_tested_here() -> None:
    found = {n: LEARNERS.find(n) for n in LEARNERS.names()}
    assert {n for n, c in found.items() if "images" in c.traits.needs(c.bind({}))} == QUICK.keys()


def learn(name: str, given: Task, seed: int = 0, **params: Any) -> Predictions:
    bound = LEARNERS.find(name).bind({**QUICK[name], **params})
    found: Predictions = FUNCTIONS[name](given, np.random.default_rng(seed), **bound)
    return found


@each
def test_it_learns_and_gives_probabilities(name) -> None:
    found = learn(name, task(), **LONG[name])
    assert accuracy(found.test) > 0.9
    for probs, rows in ((found.test, 24), (found.pool, 60)):
        assert probs.dtype == np.float32
        assert probs.shape == (rows, C)
        assert probs.min() >= 0
        np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


@each
def test_it_repeats_whatever_state_torch_is_in(name) -> None:
    torch.manual_seed(1)
    first = learn(name, task(9))
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    second = learn(name, task(9))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(first.test, second.test)
    assert np.array_equal(first.pool, second.pool)
    for one, other in zip(*(list(found.predict_views()) for found in (first, second)), strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(first.test, learn(name, task(9), seed=1).test)


@each
@pytest.mark.parametrize("labelled", [1, 2, 60])
def test_one_label_and_all_labels_are_enough(name, labelled) -> None:
    assert np.isfinite(learn(name, task(labelled), views=1).pool).all()


@each
@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_colour_images_of_any_shape_are_taken(name, size) -> None:
    if name == "finetune":
        return  # its network is the encoder's
    pool, test = bands(20, 0, size, 3), bands(6, 1, size, 3)
    given = task(6, n=20, m=6, images=pool.images, test_images=test.images)
    assert learn(name, given).test.shape == (6, C)


@each
def test_it_says_that_it_needs_a_label(name) -> None:
    with pytest.raises(ValueError, match=f"{name} needs at least one label"):
        learn(name, task(0))


@each
@pytest.mark.parametrize(("absent", "named"), [("images", "pool"), ("test_images", "test set")])
def test_it_says_that_it_needs_images(name, absent, named) -> None:
    with pytest.raises(ValueError, match=f"{name} trains .* images, .* none of the {named}"):
        learn(name, task(**{absent: None}))


@each
def test_what_it_gives_is_there_and_nothing_else(name) -> None:
    component = LEARNERS.find(name)
    for changed in ({}, {"prototypes": True}, {"dropout": 0.5}, {"augmentation": "none"}):
        if name == "fixmatch" and ("dropout" in changed or "augmentation" in changed):
            continue
        gives = component.traits.gives(component.bind({**QUICK[name], **changed}))
        found = learn(name, task(6), **changed)
        parts = {
            "dropout": found.mc_dropout,
            "views": found.predict_views,
            "hidden": found.penultimate_features,
            "prototypes": found.prototype_outputs,
            "last_layer": found.last_layer,
        }
        assert {part for part, there in parts.items() if there is not None} == gives & set(parts)
        assert {"predictions", "labels"} <= gives


@each
def test_prototypes_give_probabilities_by_their_angle_to_the_output(name) -> None:
    found = learn(name, task(), prototypes=True, radius=3.0, **LONG[name])
    logits = 3 * found.prototype_outputs() @ simplex(C).T
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert found.prototype_outputs().shape == (60, C - 1)
    np.testing.assert_allclose(found.pool, expected, atol=1e-5)
    assert accuracy(found.test) > 0.9


@each
def test_views_are_augmented_passes_that_differ_and_repeat(name) -> None:
    found = learn(name, task(12), views=3)
    assert found.predict_views is not None
    passes, again = (np.stack(list(found.predict_views())) for _ in range(2))
    assert passes.shape == (3, 60, C)
    assert np.array_equal(passes, again)
    assert passes.std(axis=0).mean() > 1e-3


@pytest.mark.parametrize("name", ["scratch", "finetune"])
def test_dropout_passes_differ_and_change_nothing(name) -> None:
    found = learn(name, task(), dropout=0.5)
    before = found.predict_pool()
    assert found.mc_dropout is not None
    passes, again = (
        np.stack(list(found.mc_dropout(60, np.random.default_rng(3)))) for _ in range(2)
    )
    other = np.stack(list(found.mc_dropout(2, np.random.default_rng(4))))
    assert passes.shape == (60, 60, C)
    assert np.array_equal(passes, again)
    assert not np.array_equal(passes[:2], other)
    assert passes.std(axis=0).mean() > 0.01
    assert np.abs(passes.mean(axis=0) - before).max() < 0.25
    assert np.array_equal(found.predict_pool(), before)


@each
def test_the_last_layer_sees_the_hidden_features(name) -> None:
    found = learn(name, task(12))
    assert found.penultimate_features().shape == (60, 128)
    assert found.penultimate_features().dtype == np.float32
    rows = np.hstack([found.penultimate_features(), np.ones((60, 1), np.float32)])
    logits = np.log(np.maximum(found.pool, 1e-30))
    differences = logits[:, 1:] - logits[:, :1]  # linear in what the layer sees
    usable = (found.pool > 1e-6).all(axis=1)
    fitted = rows[usable] @ np.linalg.lstsq(rows[usable], differences[usable], rcond=None)[0]
    np.testing.assert_allclose(fitted, differences[usable], atol=1e-2)


@each
@pytest.mark.parametrize("changed", [{}, {"prototypes": True}])
def test_the_last_layer_makes_the_probabilities_of_what_it_sees(name, changed) -> None:
    found = learn(name, task(12), **changed)
    weights = found.last_layer()
    logits = found.penultimate_features() @ weights[:, :-1].T + weights[:, -1]
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.pool, expected, atol=1e-4)


@each
def test_predictions_of_the_pool_are_made_when_asked_for(name) -> None:
    found = learn(name, task(6))
    assert not {"pool", "hidden", "projected"} & set(vars(found))
    same = learn(name, dataclasses.replace(task(6), test_images=task(6).images))
    np.testing.assert_array_equal(same.test, same.pool)
