"""Losses and image sizes against loops; which network learns from which loss."""

from typing import Any

import numpy as np
import pytest
import torch

from rayal.kernels import discriminator
from rayal.kernels.discriminator import AdversarialPair, Training

TRAINING = Training(epochs=2, updates=2, latent=4, batch_size=16, lr=5e-4, beta=0.7, adversary=1.3)


def pair(shape: tuple[int, int, int] = (1, 8, 8), training: Training = TRAINING) -> AdversarialPair:
    networks = discriminator._networks(shape, training.latent, seed=3)
    return AdversarialPair(*networks, torch.Generator().manual_seed(0), training)


def pictures(n: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(256, size=(n, *shape), dtype=np.uint8)


def batches(n: int, m: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.rand(k, 1, 8, 8, generator=generator) for k in (n, m))  # type: ignore[return-value]


def ask(images: np.ndarray, labeled: int, seed: int = 0, **changed: Any) -> np.ndarray:
    training = Training(**{**TRAINING.__dict__, **changed})
    positions = np.arange(len(images))
    return discriminator.probability_of_label(
        images, positions[:labeled], positions[labeled:], seed, training
    )


def slow_shrink(image: np.ndarray) -> np.ndarray:
    """Pool to at most 32 pixels a side, then repeat the last row and column up to fours."""
    H, W, channels = image.shape
    h, w = min(H, 32), min(W, 32)
    out = np.zeros((h, w, channels))
    for i in range(h):
        for j in range(w):
            rows = slice(i * H // h, -(-(i + 1) * H // h))
            columns = slice(j * W // w, -(-(j + 1) * W // w))
            out[i, j] = image[rows, columns].astype(float).mean((0, 1))
    padded = np.pad(out, ((0, -h % 4), (0, -w % 4), (0, 0)), mode="edge")
    return padded.transpose(2, 0, 1)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((28, 28), (28, 28)), ((3, 3), (4, 4)), ((1, 1), (4, 4)), ((70, 33), (32, 32)),
     ((9, 64), (12, 32))],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 3])
def test_images_become_multiples_of_four_of_at_most_32(
    size: tuple[int, int], expected: tuple[int, int], channels: int, monkeypatch: Any
) -> None:
    monkeypatch.setattr(discriminator, "_CHUNK", 2)
    images = pictures(5, *size, channels)
    images.flags.writeable = False
    found = discriminator.shrink(images)
    assert found.dtype == torch.uint8
    assert found.shape == (5, channels, *expected)
    for image, plane in zip(images, found.numpy(), strict=True):
        np.testing.assert_allclose(plane, slow_shrink(image), atol=0.5001)


def slow_cross_entropy(logit: float, target: float) -> float:
    p = 1 / (1 + np.exp(-logit))
    return float(-target * np.log(p) - (1 - target) * np.log(1 - p))


@pytest.mark.parametrize(("n", "m"), [(3, 5), (1, 7), (6, 2)])
def test_the_autoencoder_loss_is_that_of_the_loops(n: int, m: int) -> None:
    both, images = pair(), torch.cat(batches(n, m))
    loss = both.autoencoder_loss(images, discriminator.equal_halves(n, m))
    noise = torch.randn(n + m, 4, generator=torch.Generator().manual_seed(0)).numpy()
    with torch.no_grad():
        mean, log_variance = (t.double().numpy() for t in both.autoencoder.describe(images))
        latent = torch.from_numpy((mean + noise * np.exp(log_variance / 2)).astype(np.float32))
        logits = both.autoencoder.decoder(latent).double().numpy()
        judged = both.discriminator(torch.from_numpy(mean.astype(np.float32)))[:, 0].tolist()
    each = []
    for i in range(n + m):
        pairs = zip(logits[i].ravel(), images[i].numpy().ravel(), strict=True)
        pixels = sum(slow_cross_entropy(a, float(b)) for a, b in pairs)
        divergence = sum(
            (mu**2 + np.exp(lv) - 1 - lv) / 2
            for mu, lv in zip(mean[i], log_variance[i], strict=True)
        )
        each.append(pixels + 0.7 * divergence + 1.3 * slow_cross_entropy(judged[i], 1))
    expected = np.mean(each[:n]) + np.mean(each[n:])
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)


def test_the_discriminator_learns_one_for_labeled_and_zero_for_unlabeled() -> None:
    both = pair()
    means = torch.randn(5, 4, generator=torch.Generator().manual_seed(2))
    kinds = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0])
    loss = both.discriminator_loss(means, kinds, discriminator.equal_halves(2, 3))
    logits = both.discriminator(means)[:, 0].tolist()
    each = [slow_cross_entropy(a, b) for a, b in zip(logits, kinds.tolist(), strict=True)]
    assert float(loss.detach()) == pytest.approx(np.mean(each[:2]) + np.mean(each[2:]), rel=1e-5)


def test_each_network_learns_from_its_own_loss_alone() -> None:
    for which in (0, 1):
        both = pair()
        networks = (both.autoencoder, both.discriminator)
        before = [[p.detach().clone() for p in net.parameters()] for net in networks]
        labeled, unlabeled = batches(4, 4)
        images, weights = torch.cat([labeled, unlabeled]), discriminator.equal_halves(4, 4)
        if which == 0:
            both._update(0, both.autoencoder_loss(images, weights))
        else:
            means = both.autoencoder.describe(images)[0].detach()
            kinds = torch.tensor([1.0] * 4 + [0.0] * 4)
            both._update(1, both.discriminator_loss(means, kinds, weights))
        changed = [
            any(not torch.equal(a, b) for a, b in zip(old, net.parameters(), strict=True))
            for old, net in zip(before, networks, strict=True)
        ]
        assert changed == [which == 0, which == 1]


@pytest.mark.slow
def test_an_adversary_hides_the_kind_from_the_discriminator() -> None:
    dark, bright = pictures(40, 8, 8, 1) // 4, pictures(40, 8, 8, 1, seed=1)
    images = np.concatenate([dark, bright])
    differences = []
    for adversary in (0.0, 300.0):
        found = ask(images, 20, epochs=60, batch_size=40, lr=2e-3, adversary=adversary)
        differences.append(found[:20].mean() - found[20:].mean())  # dark ones are labeled
    assert differences[0] > 0.2
    assert differences[1] < differences[0] / 2


def test_probabilities_depend_on_the_seed_alone_and_leave_torchs_generator() -> None:
    images = pictures(30, 5, 7, 3)
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    first = ask(images, 9)
    assert torch.equal(state, torch.random.get_rng_state())
    torch.manual_seed(2)
    assert np.array_equal(ask(images, 9), first)
    assert not np.array_equal(ask(images, 9, seed=1), first)
    assert first.dtype == np.float64
    assert first.shape == (21,)
    assert ((first > 0) & (first < 1)).all()


@pytest.mark.parametrize("labeled", [1, 20, 29])
def test_one_image_of_either_kind_is_enough(labeled: int) -> None:
    assert ask(pictures(30, 3, 3, 1), labeled, batch_size=4).shape == (30 - labeled,)


def test_a_batch_may_hold_one_image() -> None:
    assert ask(pictures(6, 4, 4, 1), 3, batch_size=1).shape == (3,)


def test_equal_images_are_judged_alike() -> None:
    found = ask(np.zeros((20, 6, 6, 1), np.uint8), 5)
    np.testing.assert_allclose(found, found[0], rtol=1e-5)


def test_divergence_is_named_with_rate_and_way_out() -> None:
    with pytest.raises(FloatingPointError, match=r"VAAL diverged: .* 1e\+30; lower lr"):
        ask(pictures(30, 8, 8, 1), 9, lr=1e30)
