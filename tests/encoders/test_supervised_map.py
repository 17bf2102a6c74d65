import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from rayal.contracts import UNLABELED, Dataset, Embedding, Split
from rayal.encoders._training import supervised_map as truth_map
from rayal.registry import ENCODERS
from rayal.seeds import generator

pytestmark = pytest.mark.slow

QUICK: dict[str, dict[str, Any]] = {
    "random": {"backbone": "small_cnn"},
    "moco": {
        "backbone": "small_cnn",
        "epochs": 1,
        "warmup_epochs": 0,
        "batch_size": 64,
        "queue": 64,
        "projection": 8,
        "augmentation": "grey",
    },
}
each_encoder = pytest.mark.parametrize("name", list(QUICK))


def digits(n: int, wrong: int = 0) -> Dataset:
    """The first `wrong` of n digits have the label of the next digit."""
    pictures, truth = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(truth))[:n]
    images = np.round(pictures[order].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    labels = np.where(np.arange(n) < wrong, (truth[order] + 1) % 10, truth[order])
    return Dataset("digits", tuple("0123456789"), Split(images, labels), Split(images, labels))


def encode(name: str, data: Dataset, progress: Any = lambda _: None, **params: Any) -> Embedding:
    component = ENCODERS.find(name)
    bound = component.bind({**QUICK[name], "flip": False, **params})
    found: Embedding = component.function(data, generator("t"), progress, **bound)
    return found


def truth_of(found: Embedding) -> tuple[np.ndarray, np.ndarray]:
    assert found.map is not None
    assert found.map.truth is not None
    return found.map.truth


def test_wrong_labels_are_hard_to_learn() -> None:
    confidence, variability = truth_of(encode("random", digits(400, wrong=40), truth_epochs=12))
    assert confidence.shape == variability.shape == (400,)
    assert confidence.dtype == variability.dtype == np.float32
    assert ((confidence > 0) & (confidence < 1)).all()
    assert np.median(confidence[:40]) < 0.3
    assert np.median(confidence[40:]) > 0.55


def test_mean_and_deviation_are_over_the_epochs_of_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, seen = digits(150), []
    add = truth_map.Moments.add

    def watch(self: Any, images: torch.Tensor, records: torch.Tensor) -> None:
        seen.extend(zip(images.tolist(), records[:, 0].tolist(), strict=True))
        add(self, images, records)

    monkeypatch.setattr(truth_map.Moments, "add", watch)
    confidence, variability = truth_of(encode("random", data, truth_epochs=3))
    for image in range(150):
        records = np.array([value for one, value in seen if one == image])
        assert len(records) == 3
        np.testing.assert_allclose(confidence[image], records.mean(), rtol=1e-5)
        np.testing.assert_allclose(variability[image], records.std(), rtol=1e-3, atol=1e-6)


def test_a_step_records_the_probability_of_the_true_class_before_it_learns() -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3))
    images = torch.randn(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    classes = torch.tensor([0, 2, 1, 1, 0])
    logits = network(images).detach().double().numpy()
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    loss, found = truth_map.train_step(network, images, classes, optimiser)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = probs[np.arange(5), classes.numpy()]
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5)
    assert float(loss) == pytest.approx(-np.log(expected).mean(), rel=1e-5)
    assert not np.allclose(network(images).detach(), logits)


@each_encoder
def test_the_map_by_ground_truth_changes_nothing_else(name: str) -> None:
    data = digits(100)
    without = encode(name, data, views=1)
    some = encode(name, data, views=1, truth_epochs=1)
    assert np.array_equal(without.train, some.train)
    assert without.views is not None
    assert some.views is not None
    assert np.array_equal(without.views, some.views)
    if name == "random":
        assert without.map is None
    else:
        assert without.map is not None
        assert some.map is not None
        assert without.map.truth is None
        assert np.array_equal(without.map.confidence[0.05], some.map.confidence[0.05])


@each_encoder
def test_the_same_generator_repeats_the_map(name: str) -> None:
    data = digits(100)
    torch.manual_seed(1)
    first = truth_of(encode(name, data, truth_epochs=2))
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    again = truth_of(encode(name, data, truth_epochs=2))
    assert torch.equal(state, torch.random.get_rng_state())
    assert np.array_equal(first, again)


def test_random_weights_have_a_map_by_ground_truth_alone() -> None:
    found = encode("random", digits(60), truth_epochs=1)
    assert found.map is not None
    assert (found.map.confidence, found.map.variability) == ({}, {})
    assert found.map.count.tolist() == [0] * 60


def test_progress_is_told_of_each_epoch() -> None:
    told: list[dict[str, float]] = []
    encode("random", digits(60), told.append, truth_epochs=3)
    assert [t["epoch"] for t in told] == [1, 2, 3]
    assert {t["epochs"] for t in told} == {3}


@each_encoder
def test_an_encoder_says_what_it_gives(name: str) -> None:
    component = ENCODERS.find(name)
    own = {"map", "weights"} if name == "moco" else {"weights"}
    assert component.traits.gives(component.bind({})) == own
    assert component.traits.gives(component.bind({"truth_epochs": 1})) == own | {"truth_map"}


def test_an_image_without_its_class_is_refused_with_the_way_out() -> None:
    data = digits(30)
    labels = np.where(np.arange(30) < 4, UNLABELED, data.train.labels)
    unknown = dataclasses.replace(data, train=Split(data.train.images, labels))
    with pytest.raises(ValueError, match="and 4 of 30 have none; label them or set truth_epochs"):
        encode("random", unknown, truth_epochs=1)
    assert encode("random", unknown).map is None


def test_a_diverging_loss_names_the_epoch_and_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth_map, "_BASE_LR", 1e30)
    with pytest.raises(FloatingPointError, match=r"map diverged in epoch \d: .* truth_epochs: 0"):
        encode("random", digits(300), truth_epochs=4)
