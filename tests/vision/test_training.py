from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rayal.vision import batches, networks, training
from rayal.vision.classifier import Classifier
from rayal.vision.device import bytes_to_network_range, to_device
from rayal.vision.training import LabeledImages, fit
from rayal.vision.training_recipe import LRSchedule, TrainingRecipe, make_optimizer


def bands(n: int, seed: int = 0, c: int = 3, channels: int = 1) -> LabeledImages:
    """Noise with a bright band whose place is the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % c
    pixels = rng.integers(100, size=(n, 8, 8, channels), dtype=np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[2 * label : 2 * label + 2] += 120
    return LabeledImages(pixels, labels.astype(np.int64))


def small(c: int = 3, **more: Any) -> Classifier:
    return Classifier(networks.backbone("small_cnn", "imagenet", 1, seed=0), c, 1, **more)


def quick(**changed: Any) -> TrainingRecipe:
    return TrainingRecipe(**{"epochs": 3, "batch_size": 8, "lr": 0.05, **changed})


def state(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def twin(
    given: LabeledImages, recipe: TrainingRecipe, seed: int, make: Any
) -> dict[str, torch.Tensor]:
    """The same training by torch's own parts, without augmentation."""
    classifier = small().train()
    moving = make(classifier)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(moving, recipe.milestones, recipe.gamma)
    generator = torch.Generator().manual_seed(seed)
    x, y = bytes_to_network_range(to_device(given.images)), torch.tensor(given.labels)
    for _ in range(recipe.epochs):
        for batch in batches.epoch(len(y), recipe.batch_size, recipe.least_steps, generator):
            moving.zero_grad()
            hidden = classifier.backbone(x[batch])
            logits = hidden @ classifier.head.weight.T + classifier.head.bias
            nn.functional.cross_entropy(logits, y[batch]).backward()
            moving.step()
        scheduler.step()
    return state(classifier)


def plain_sgd(classifier: Classifier) -> torch.optim.Optimizer:
    return torch.optim.SGD(classifier.parameters(), 0.05, 0.9, weight_decay=1e-3, nesterov=True)


def two_speeds(classifier: Classifier) -> torch.optim.Optimizer:
    slow, quick = classifier.backbone.parameters(), classifier.head.parameters()
    return torch.optim.Adam([{"params": slow, "lr": 1e-4}, {"params": quick, "lr": 1e-2}])


@pytest.mark.parametrize(
    ("make", "changed"),
    [
        (plain_sgd, {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-3, "gamma": 0.5}),
        (two_speeds, {"optimiser": "adam", "lr": 1e-4, "head_lr": 1e-2, "least_steps": 5}),
    ],
)
def test_training_equals_torchs_optimiser_and_schedule(make, changed) -> None:
    given, recipe = bands(30), quick(epochs=4, milestones=(1, 3), **changed)
    classifier = small()
    fit(classifier, given, recipe, 5)
    expected = twin(given, recipe, 5, make)
    for name, value in classifier.state_dict().items():
        torch.testing.assert_close(value, expected[name], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("augmentation", ["crop_flip", "none"])
def test_training_repeats_and_leaves_torchs_generator(augmentation) -> None:
    found = []
    before = torch.random.get_rng_state()
    for seed in (1, 1, 2):
        classifier = small(dropout=0.3)
        fit(classifier, bands(20), quick(augmentation=augmentation), seed)
        found.append(state(classifier))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


@pytest.mark.parametrize("labels", [1, 2, 9])
def test_few_images_train_without_breaking_batch_norm(labels) -> None:
    classifier = small(dropout=0.5)
    fit(classifier, bands(labels), quick(augmentation="crop"), 0)
    assert all(torch.isfinite(value).all() for value in classifier.state_dict().values())


def rates_of(recipe: TrainingRecipe, losses: list[float | None]) -> list[float]:
    classifier = small()
    optimizer = make_optimizer(recipe, classifier)
    schedule, found = LRSchedule(recipe, optimizer), []
    for loss in losses:
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step(loss)
    return found


def test_milestones_multiply_the_rate_from_their_epoch_on() -> None:
    for milestones in ((60, 80), (10, 15, 20, 25), (0, 3), ()):
        found = rates_of(quick(lr=0.02, milestones=milestones, gamma=0.5), [None] * 90)
        expected = [0.02 * 0.5 ** sum(epoch >= m for m in milestones) for epoch in range(90)]
        np.testing.assert_allclose(found, expected)


def plateaus(losses: list[float], lr: float, patience: int) -> list[float]:
    """The rate of each epoch: halved when more than `patience` epochs brought nothing lower."""
    found, lowest, waited = [], float("inf"), 0
    for loss in losses:
        found.append(lr)
        better = loss < lowest * (1 - 1e-4)
        lowest, waited = (loss, 0) if better else (lowest, waited + 1)
        if waited > patience:
            lr, waited = lr / 2, 0
    return found


@pytest.mark.parametrize("patience", [0, 2, 8])
def test_a_plateau_halves_the_rate_after_its_patience(patience) -> None:
    rng = np.random.default_rng(patience)
    for _ in range(20):
        losses = (1 + rng.random(40)).tolist()
        recipe = quick(lr=0.1, gamma=0.5, plateau_patience=patience)
        found = rates_of(recipe, losses)
        expected = plateaus(losses, 0.1, patience)
        np.testing.assert_allclose(found, expected, atol=2e-8)  # torch stops at steps of 1e-8
    assert min(found) < 0.1


def test_early_stopping_ends_after_its_patience_with_the_best_weights(monkeypatch) -> None:
    losses, seen = [3.0, 1.0, 2.0, 1.0, 1.5, 0.1], []

    def watch(classifier: Classifier, _: LabeledImages) -> float:
        seen.append(state(classifier))
        return losses[len(seen) - 1]

    monkeypatch.setattr(training, "mean_loss", watch)
    classifier = small()
    fit(classifier, bands(20), quick(epochs=6, early_stopping=3), 0, bands(9, seed=1))
    assert len(seen) == 5  # epochs 2, 3 and 4 brought nothing below that of epoch 1
    assert same(classifier.state_dict(), seen[1])
    assert not same(seen[1], seen[4])


def test_the_validation_loss_is_of_unaugmented_images_in_evaluation_mode() -> None:
    classifier, val = small(dropout=0.5), bands(30, seed=2)
    fit(classifier, bands(20), quick(), 0)
    before = state(classifier)
    found = training.mean_loss(classifier, val)
    classifier.eval()
    with torch.no_grad():
        logits = classifier(bytes_to_network_range(to_device(val.images))).double().numpy()
    of_truth = logits[np.arange(30), val.labels]
    assert found == pytest.approx((np.log(np.exp(logits).sum(1)) - of_truth).mean(), rel=1e-4)
    assert same(before, classifier.state_dict())


def test_a_watched_training_without_early_stopping_keeps_the_last_weights() -> None:
    found = []
    for recipe in (quick(), quick(plateau_patience=50)):
        classifier = small()
        fit(classifier, bands(20), recipe, 0, bands(9))
        found.append(state(classifier))
    assert same(*found)


@pytest.mark.parametrize("watched", [False, True])
def test_a_diverged_training_stops(watched) -> None:
    recipe = quick(lr=1e30, epochs=5, early_stopping=9 if watched else None)
    with pytest.raises(FloatingPointError, match=r"training diverged: the .* at learning rate .*"):
        fit(small(), bands(20), recipe, 0, bands(9) if watched else None)


def test_the_classes_of_bands_are_learned() -> None:
    classifier, test = small(), bands(60, seed=3)
    fit(classifier, bands(30), quick(epochs=8, momentum=0.9), 0)
    assert training.mean_loss(classifier, test) < 0.3
