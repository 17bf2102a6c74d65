"""Shapes and losses of the released VAAL against its listing and loops; what each step updates.

But for the first test the networks are narrow: the same layers of few channels.
"""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from rayal.kernels import discriminator, released_vaal
from rayal.kernels.discriminator import Training
from rayal.kernels.released_vaal import ReleasedPair

TRAINING = Training(epochs=1, updates=3, latent=4, batch_size=8, lr=5e-4, beta=0.7, adversary=1.3)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(released_vaal, "_WIDTHS", (4, 6, 8, 10))


def pair(training: Training = TRAINING) -> ReleasedPair:
    networks = discriminator._networks((1, 32, 32), training.latent, 3, ReleasedPair)
    return ReleasedPair(*networks, torch.Generator().manual_seed(0), training)


def pictures(n: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(256, size=(n, *shape), dtype=np.uint8)


def batch(n: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(n, 1, 32, 32, generator=torch.Generator().manual_seed(seed))


def ask(images: np.ndarray, labeled: int, seed: int = 0) -> np.ndarray:
    at = np.arange(len(images))
    return discriminator.probability_of_label(
        images, at[:labeled], at[labeled:], seed, TRAINING, ReleasedPair
    )


def test_the_layers_are_those_of_the_released_listing() -> None:
    autoencoder, judge = ReleasedPair.networks((3, 32, 32), 32)
    shapes = [tuple(p.shape) for p in autoencoder.encoder.parameters() if p.ndim > 1]
    assert shapes == [(128, 3, 4, 4), (256, 128, 4, 4), (512, 256, 4, 4), (1024, 512, 4, 4)]
    shapes = [tuple(p.shape) for p in autoencoder.decoder.parameters() if p.ndim > 1]
    assert shapes == [
        (1024 * 4 * 4, 32), (1024, 512, 4, 4), (512, 256, 4, 4), (256, 128, 4, 4), (128, 3, 1, 1),
    ]  # fmt: skip
    assert [tuple(p.shape) for p in judge.parameters() if p.ndim > 1] == [
        (512, 32), (512, 512), (1, 512),
    ]  # fmt: skip
    means, log_variances = autoencoder.describe(torch.rand(2, 3, 32, 32))
    assert means.shape == log_variances.shape == (2, 32)
    assert autoencoder.decoder(means).shape == (2, 3, 32, 32)


def slow_cross_entropy(logit: float, target: float) -> float:
    p = 1 / (1 + np.exp(-logit))
    return float(-target * np.log(p) - (1 - target) * np.log(1 - p))


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("n", [1, 3])
def test_the_error_is_a_mean_and_the_divergence_a_sum(n: int) -> None:
    both, images = pair(), batch(n)
    loss = float(both.deceiving_loss(images).detach())
    noise = torch.randn(n, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        mean, log_variance = both.autoencoder.describe(images)
        made = both.autoencoder.decoder(mean + noise * (log_variance / 2).exp()).ravel().tolist()
        judged = both.discriminator(mean)[:, 0].tolist()
    given = [2 * float(pixel) - 1 for pixel in images.ravel()]
    error = sum((a - b) ** 2 for a, b in zip(made, given, strict=True)) / len(given)
    divergence = sum(
        (mu**2 + np.exp(lv) - 1 - lv) / 2
        for mu, lv in zip(mean.ravel().tolist(), log_variance.ravel().tolist(), strict=True)
    )
    fooling = sum(slow_cross_entropy(logit, 1) for logit in judged) / n
    assert loss == pytest.approx(error + 0.7 * divergence + 1.3 * fooling, rel=1e-4)


@pytest.mark.usefixtures("narrow")
def test_the_discriminator_learns_one_for_labeled_and_zero_for_unlabeled() -> None:
    both = pair()
    means = torch.randn(5, 4, generator=torch.Generator().manual_seed(2))
    logits = both.discriminator(means)[:, 0].tolist()
    expected = sum(slow_cross_entropy(logit, 1) for logit in logits[:2]) / 2
    expected += sum(slow_cross_entropy(logit, 0) for logit in logits[2:]) / 3
    assert float(both._kinds_loss(means[:2], means[2:]).detach()) == pytest.approx(expected)


@pytest.mark.usefixtures("narrow")
def test_each_update_of_the_autoencoder_sees_new_batches_and_the_discriminator_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both, drawn, updated = pair(), [], []

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for number in range(9):
            drawn.append(number)
            yield batch(2, number), batch(3, number + 100)

    monkeypatch.setattr(both, "_update", lambda which, _: updated.append(which))
    both.train(batches())
    assert drawn == [0, 1, 2]
    assert updated == [0, 0, 0, 1]


@pytest.mark.usefixtures("narrow")
def test_logits_stand_in_the_order_of_the_positions() -> None:
    both = pair()
    planes = torch.from_numpy(pictures(30, 1, 32, 32))
    positions = torch.tensor([7, 3, 21, 0, 15])  # one batch, whose order changes no statistics
    with torch.no_grad():
        means, _ = both.autoencoder.describe(discriminator.take(planes, positions))
        expected = both.discriminator(means)[:, 0]
    torch.testing.assert_close(both.judge(planes, positions), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("narrow")
def test_probabilities_depend_on_the_seed_alone_and_leave_torchs_generator() -> None:
    images = pictures(30, 5, 7, 3)
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    first = ask(images, 9)
    assert torch.equal(state, torch.random.get_rng_state())
    torch.manual_seed(2)
    assert np.array_equal(ask(images, 9), first)
    assert not np.array_equal(ask(images, 9, seed=1), first)
    assert first.shape == (21,)
    assert ((first > 0) & (first < 1)).all()


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("labeled", [1, 16])
def test_one_image_of_either_kind_is_enough(labeled: int) -> None:
    assert ask(pictures(17, 3, 3, 1), labeled).shape == (17 - labeled,)
