import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import log_softmax

from rayal.vision import networks, semi_supervised
from rayal.vision.classifier import Classifier, predict_images
from rayal.vision.classifier_augment import random_crop
from rayal.vision.randaugment import strengthen
from rayal.vision.semi_supervised import FixMatchRecipe, cosine, fit, objective
from rayal.vision.training import LabeledImages

SETTINGS = FixMatchRecipe(
    steps=6, batch_size=4, mu=2, threshold=0.5, unlabelled_weight=1.0,
    lr=0.03, momentum=0.9, weight_decay=5e-4, ema=0.9, augmentation="crop_flip",
)  # fmt: skip


def small() -> Classifier:
    return Classifier(networks.backbone("small_cnn", "imagenet", 1, seed=0), 3, 1)


def pool(n: int = 20) -> np.ndarray:
    return np.random.default_rng(n).integers(256, size=(n, 8, 8, 1), dtype=np.uint8)


def given(n: int = 3) -> LabeledImages:
    return LabeledImages(pool()[:n], np.arange(n) % 3)


def state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_the_loss_of_a_worked_example() -> None:
    # One labelled image; a sure weak image (p = .9 of class 0) and an unsure one (p = .6).
    labelled = [math.log(0.5), math.log(0.5)]
    sure, unsure = [math.log(0.9), math.log(0.1)], [math.log(0.4), math.log(0.6)]
    strongly = [[math.log(0.25), math.log(0.75)], [math.log(0.3), math.log(0.7)]]
    logits = torch.tensor([labelled, sure, unsure, *strongly])
    found = objective(logits, torch.tensor([1]), threshold=0.8, unlabeled_weight=2.0)
    assert float(found) == pytest.approx(-math.log(0.5) + 2 * (-math.log(0.25) / 2))
    every = objective(logits, torch.tensor([1]), threshold=0.5, unlabeled_weight=2.0)
    both = -math.log(0.25) - math.log(0.7)
    assert float(every) == pytest.approx(-math.log(0.5) + both)


def test_the_loss_is_that_of_a_slow_twin() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        n, m, c = (int(v) for v in rng.integers(1, 6, size=3))
        c += 1
        logits = torch.tensor(rng.normal(size=(n + 2 * m, c)) * 3)
        labels = torch.tensor(rng.integers(c, size=n))
        logs = log_softmax(logits, 1).numpy()
        expected = -sum(logs[i, int(labels[i])] for i in range(n)) / n
        for i in range(m):
            weak = np.exp(logs[n + i])
            if weak.max() >= 0.7:
                expected -= 0.5 * logs[n + m + i, weak.argmax()] / m
        assert float(objective(logits, labels, 0.7, 0.5)) == pytest.approx(expected)


def test_guesses_are_not_learned_from_the_weak_images() -> None:
    logits = torch.randn(9, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = objective(logits, torch.tensor([0]), threshold=0.0, unlabeled_weight=1.0)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert not gradient[1:5].any()
    assert gradient[0].any()
    assert gradient[5:].any(1).all()


def test_the_rate_falls_by_a_cosine_to_a_fifth() -> None:
    assert cosine(0, 100) == 1
    assert cosine(100, 100) == pytest.approx(math.cos(7 * math.pi / 16))
    assert cosine(50, 100) == pytest.approx(math.cos(7 * math.pi / 32))


def test_the_average_is_a_moving_one_of_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, seen = small(), []
    optimizer_step = semi_supervised.optimizer_step

    def watch(loss: torch.Tensor, moving: torch.optim.Optimizer) -> None:
        optimizer_step(loss, moving)
        seen.append(state(classifier))

    monkeypatch.setattr(semi_supervised, "optimizer_step", watch)
    found = fit(classifier, given(), pool(), SETTINGS, 0).state_dict()
    assert len(seen) == 6
    for name, value in found.items():
        if value.is_floating_point():
            expected = seen[0][name]
            for one in seen[1:]:
                expected = 0.9 * expected + 0.1 * one[name]
            torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-6)


def test_a_step_sees_labelled_weak_and_strong_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semi_supervised, "crop", lambda x, *_: x.float())
    monkeypatch.setattr(semi_supervised, "strengthen", lambda x, _: -x)
    examples = semi_supervised._batches(given(), pool(), SETTINGS, torch.Generator())
    known = torch.tensor(given().images.transpose(0, 3, 1, 2)).float()
    batches = list(examples)
    assert len(batches) == 6
    for images, labels in batches:
        assert images.shape == (4 + 8 + 8, 1, 8, 8)
        assert torch.equal(images[:4], known[labels])  # class i is that of image i
        assert torch.equal(images[12:], -images[4:12])


def test_images_are_augmented_as_weak_and_strong_batches_of_their_own_are() -> None:
    x = torch.from_numpy(pool(10)).permute(0, 3, 1, 2)
    found = semi_supervised._augmented(x, 4, torch.Generator().manual_seed(1), 0.5)
    generator = torch.Generator().manual_seed(1)
    weak = random_crop(x[:6], generator, 0.5)
    strong = strengthen(random_crop(x[6:], generator, 0.5), generator)
    assert torch.equal(found, torch.cat([weak, strong]))


def test_biases_and_batch_norm_do_not_decay() -> None:
    groups = semi_supervised._make_optimizer(small(), SETTINGS).param_groups
    assert [group["weight_decay"] for group in groups] == [5e-4, 0]
    assert {p.dim() for p in groups[0]["params"]} == {2, 4}
    assert {p.dim() for p in groups[1]["params"]} == {1}


def test_training_repeats_and_leaves_torchs_generator() -> None:
    before = torch.random.get_rng_state()
    found = [state(fit(small(), given(), pool(), SETTINGS, seed)) for seed in (1, 1, 2)]
    assert torch.equal(torch.random.get_rng_state(), before)
    weights = [one["head.weight"] for one in found]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("labels", [1, 20])
def test_one_label_and_all_labels_are_enough(labels) -> None:
    settings = dataclasses.replace(SETTINGS, batch_size=1, mu=1)
    found = fit(small(), given(labels), pool(), settings, 0)
    assert np.isfinite(predict_images(found, pool(), found.probabilities)).all()


def test_a_diverged_training_stops() -> None:
    settings = dataclasses.replace(SETTINGS, lr=1e30)
    with pytest.raises(FloatingPointError, match=r"the loss of step 6 is .* lower lr"):
        fit(small(), given(), pool(), settings, 0)
