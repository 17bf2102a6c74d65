"""Operations against torchvision's; their mixture and the covered square by their counts."""

import numpy as np
import pytest
import torch

from rayal.vision import randaugment
from rayal.vision.classifier_augment import random_crop
from rayal.vision.device import bytes_to_network_range
from rayal.vision.torchvision_cpu import torchvision

torchvision()
from torchvision.transforms import InterpolationMode  # noqa: E402
from torchvision.transforms import functional as F  # noqa: E402, N812


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 30, size: int = 16, channels: int = 3) -> torch.Tensor:
    shape = (n, channels, size, size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator(n))


def strongly(x: torch.Tensor, generator: torch.Generator, flip: bool) -> torch.Tensor:
    return randaugment.strengthen(random_crop(x, generator, 0.5 if flip else 0.0), generator)


STRENGTHS = torch.linspace(-1, 1, 30)


def applied(name: str, x: torch.Tensor) -> torch.Tensor:
    return randaugment.OPERATIONS[name](x / 255, STRENGTHS)


def shifted(x: torch.Tensor, right: float, down: float) -> torch.Tensor:
    """A shift by a part of a pixel, from whole ones."""
    found = x.numpy()
    for axis, by in ((2, right), (1, down)):
        low = int(np.floor(by))
        share = by - low
        found = (1 - share) * moved(found, low, axis) + share * moved(found, low + 1, axis)
    return torch.tensor(found)


def moved(x: np.ndarray, by: int, axis: int) -> np.ndarray:
    found = np.roll(x, by, axis)
    gone = slice(0, by) if by >= 0 else slice(by, None)
    index = [slice(None)] * 3
    index[axis] = gone
    found[tuple(index)] = 0
    return found


def test_solarising_and_autocontrast_are_torchvisions() -> None:
    x = images()
    solarised = applied("solarize", x)
    full = applied("autocontrast", x)
    for m, strength in enumerate(STRENGTHS.tolist()):
        threshold = (strength + 1) / 2
        if threshold < 1:
            torch.testing.assert_close(solarised[m], F.solarize(x[m] / 255, threshold))
        torch.testing.assert_close(full[m], F.autocontrast(x[m] / 255))


def test_posterising_keeps_4_to_8_bits_as_torchvision_does() -> None:
    x = images()
    found = applied("posterize", x)
    bits = (8 - (2 - 2 * STRENGTHS).round()).int().tolist()
    assert min(bits) == 4
    assert max(bits) == 8
    for m in range(30):
        expected = F.posterize(x[m], bits[m])
        assert torch.equal((found[m] * 255).round().to(torch.uint8), expected)


@pytest.mark.parametrize("name", ["brightness", "contrast", "color"])
def test_colour_operations_are_torchvisions(name) -> None:
    x = images()
    change = {
        "brightness": F.adjust_brightness,
        "contrast": F.adjust_contrast,
        "color": F.adjust_saturation,
    }[name]
    found = applied(name, x)
    for m, strength in enumerate(STRENGTHS.tolist()):
        expected = change(x[m] / 255, 0.5 + 0.45 * strength)
        torch.testing.assert_close(found[m], expected, atol=1e-5, rtol=0)


def test_rotations_reach_30_degrees() -> None:
    x = images()
    found = applied("rotate", x)
    for m, strength in enumerate(STRENGTHS.tolist()):
        expected = F.rotate(x[m] / 255, 30 * strength, InterpolationMode.BILINEAR)
        torch.testing.assert_close(found[m], expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize(("name", "axis"), [("translate_x", 0), ("translate_y", 1)])
def test_shifts_reach_3_tenths_of_the_side(name, axis) -> None:
    x = images()
    found = applied(name, x)
    for m, strength in enumerate(STRENGTHS.tolist()):
        by = [0.0, 0.0]
        by[axis] = -0.3 * 16 * strength
        torch.testing.assert_close(found[m], shifted(x[m] / 255, *by), atol=2e-4, rtol=0)


@pytest.mark.parametrize("name", ["shear_x", "shear_y"])
def test_a_shear_moves_each_line_by_its_distance_from_the_middle(name) -> None:
    x = images()
    found = applied(name, x)
    for m in (0, 7, 29):
        for line in range(16):
            by = -0.3 * float(STRENGTHS[m]) * (line - 7.5)
            whole = shifted(x[m] / 255, *((by, 0.0) if name == "shear_x" else (0.0, by)))
            at = (..., line, slice(None)) if name == "shear_x" else (..., line)
            torch.testing.assert_close(found[m][at], whole[at], atol=2e-4, rtol=0)


def test_each_image_gets_one_operation_and_all_come() -> None:
    x = images(4, 8).repeat(500, 1, 1, 1) / 255
    before = x.clone()
    found = randaugment.apply_random_operations(x, generator(1))
    assert torch.equal(x, before)
    which = torch.randint(len(randaugment.OPERATIONS), (2000,), generator=generator(1))
    counts = np.bincount(which, minlength=len(randaugment.OPERATIONS))
    assert counts.min() > 0.6 * 2000 / len(counts)
    draws = generator(1)
    torch.randint(len(randaugment.OPERATIONS), (2000,), generator=draws)
    strengths = torch.rand(2000, generator=draws) * 2 - 1
    for number, operation in enumerate(randaugment.OPERATIONS.values()):
        m = int(torch.nonzero(which == number)[0])
        expected = operation(x[m : m + 1].clone(), strengths[m : m + 1])
        torch.testing.assert_close(found[m : m + 1], expected)


@pytest.mark.parametrize("size", [(16, 16), (9, 6)])
def test_a_grey_square_of_half_the_side_covers_a_part(size) -> None:
    x = torch.ones(600, 2, *size)
    covered = (randaugment.cutout(x, generator()) == 0.5).numpy()
    assert (covered[:, 0] == covered[:, 1]).all()
    rows, columns = covered[:, 0].any(2).sum(1), covered[:, 0].any(1).sum(1)
    assert (covered[:, 0].sum((1, 2)) == rows * columns).all()  # one rectangle
    assert rows.max() == size[0] // 2
    assert columns.max() == size[1] // 2
    assert covered.any(0).all()  # any pixel may be under it


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 28])
def test_strong_augmentation_repeats_and_stays_in_range(channels, size) -> None:
    x = images(64, size, channels)
    before = x.clone()
    found, again = (strongly(x, generator(5), True) for _ in range(2))
    assert torch.equal(found, again)
    assert torch.equal(x, before)
    assert found.shape == x.shape
    assert found.min() >= -1
    assert found.max() <= 1 + 1e-5
    assert (found - bytes_to_network_range(x)).abs().amax((1, 2, 3)).min() > 0.1


@pytest.mark.parametrize("flip", [False, True])
def test_images_are_mirrored_only_where_flips_are_allowed(flip, monkeypatch) -> None:
    monkeypatch.setattr(randaugment, "_OPERATIONS_PER_IMAGE", 0)
    x = torch.zeros(300, 1, 16, 16, dtype=torch.uint8)
    x[..., :8] = 255  # bright on the left, whatever is cropped or covered
    found = strongly(x, generator(), flip)
    left = found[..., :8].mean((1, 2, 3)) > found[..., 8:].mean((1, 2, 3))
    assert left.all() != flip
    assert 0.4 < left.float().mean() < 0.6 or not flip
