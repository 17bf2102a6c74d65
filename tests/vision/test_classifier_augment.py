"""Each augmented image must be one of those that a slow twin can make of it."""

import itertools

import numpy as np
import pytest
import torch

from rayal.vision import classifier_augment
from rayal.vision.device import bytes_to_network_range
from rayal.vision.torchvision_cpu import torchvision

torchvision()
from torchvision.transforms import InterpolationMode  # noqa: E402
from torchvision.transforms import functional as F  # noqa: E402, N812

NAMES = ("crop_flip", "crop", "flip", "rotate", "hacon", "weak", "weak_flip", "none")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 300, size: tuple[int, int] = (8, 8), channels: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (n, channels, *size), dtype=torch.uint8, generator=generator(n))


def which(found: torch.Tensor, candidates: list[torch.Tensor]) -> list[int]:
    """The first candidate (n, c, H, W), -1..1, that each image is; -1 for none."""
    same = [(found - one).abs().amax((1, 2, 3)) < 1e-5 for one in candidates]
    hit = torch.stack(same)
    return torch.where(hit.any(0), hit.int().argmax(0), -1).tolist()


def windows(x: torch.Tensor, down: int, right: int, mirrored: bool) -> list[torch.Tensor]:
    """All crops of x padded with black, and their mirror images."""
    H, W = x.shape[2:]
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (down, down), (right, right)))
    found = []
    for top, left in itertools.product(range(2 * down + 1), range(2 * right + 1)):
        cut = torch.tensor(padded[:, :, top : top + H, left : left + W].copy())
        found += [bytes_to_network_range(cut)] + (
            [bytes_to_network_range(cut.flip(3))] if mirrored else []
        )
    return found


@pytest.mark.parametrize(("name", "mirrored"), [("crop_flip", True), ("crop", False)])
@pytest.mark.parametrize(
    ("size", "padding"), [((8, 8), (1, 1)), ((12, 20), (2, 3)), ((32, 32), (4, 4))]
)
def test_a_crop_is_a_window_of_the_padded_image(name, mirrored, size, padding) -> None:
    x = images(900 if size == (8, 8) else 60, size)
    found = classifier_augment.classifier_augment(name)(x, generator(1))
    places = which(found, windows(x, *padding, mirrored))
    assert -1 not in places
    if size == (8, 8):
        counts = np.bincount(places)
        assert len(counts) == (18 if mirrored else 9)  # all windows
        assert counts.min() > 0.5 * len(x) / len(counts)


def test_rotations_are_torchvisions_by_up_to_20_degrees() -> None:
    x = images(60, (9, 9), 1)
    found = classifier_augment.random_rotation(x, generator(2))
    draws = generator(2)
    mirrored = torch.rand(60, generator=draws) < 0.5
    angles = (torch.rand(60, generator=draws) * 2 - 1) * 20
    assert 0.3 < mirrored.float().mean() < 0.7
    assert angles.abs().max() <= 20
    for m in range(60):
        upright = x[m].flip(2) if mirrored[m] else x[m]
        turned = F.rotate(upright / 255, float(angles[m]), InterpolationMode.BILINEAR)
        torch.testing.assert_close((found[m] + 1) / 2, turned, atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", [(8, 8), (6, 9)])
def test_hacon_mirrors_turns_reverses_and_fades_at_the_published_rates(size) -> None:
    n = 4000
    x = images(n, size, 1)
    found = classifier_augment.hacon_augment(x, generator(3))
    square = size[0] == size[1]
    turns = (0, 1, 2, 3) if square else (0, 2)
    made = [
        bytes_to_network_range(255 - turned if reverse else turned)
        for reverse in (False, True)
        for mirror in (False, True)
        for k in turns
        for turned in [torch.rot90(x.flip(3) if mirror else x, k, (2, 3))]
    ]
    places = np.array(which(found, made))
    known = places[places >= 0]
    assert (places < 0).mean() == pytest.approx(0.1, abs=0.02)  # faded
    reverse, mirror, turn = np.unravel_index(known, (2, 2, len(turns)))
    assert reverse.mean() == pytest.approx(0.1, abs=0.02)
    assert mirror.mean() == pytest.approx(0.5, abs=0.03)
    expected = [0.5, 1 / 6, 1 / 6, 1 / 6] if square else [0.5, 0.5]
    np.testing.assert_allclose(np.bincount(turn) / len(known), expected, atol=0.03)
    nearest = torch.stack([(found - 0.2 * one).abs().amax((1, 2, 3)) for one in made]).amin(0)
    assert (nearest[torch.tensor(places < 0)] <= 0.8 + 1e-5).all()  # a fifth of the image is left


def test_flip_mirrors_half_of_the_images_and_does_nothing_else() -> None:
    x = images(300)
    found = classifier_augment.random_flip(x, generator())
    candidates = [bytes_to_network_range(x), bytes_to_network_range(x.flip(3))]
    places = np.array(which(found, candidates))
    assert set(places) == {0, 1}
    assert places.mean() == pytest.approx(0.5, abs=0.1)


def test_none_only_scales() -> None:
    x = images(20)
    assert torch.equal(
        classifier_augment.classifier_augment("none")(x, generator()), bytes_to_network_range(x)
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 3])
def test_an_augmentation_repeats_keeps_its_input_and_gives_channels_last(name, channels) -> None:
    x = images(40, channels=channels)
    before = x.clone()
    found, again = (classifier_augment.classifier_augment(name)(x, generator(4)) for _ in range(2))
    assert torch.equal(found, again)
    assert torch.equal(x, before)
    assert found.shape == x.shape
    assert found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert found.min() >= -1
    assert found.max() <= 1
