"""The pass for GPUs against the groups that a CPU works in, on the CPU."""

import pytest
import torch

from rayal.vision.augment import augment
from rayal.vision.augmentation_params import AugmentationName, augmentation_ranges, sample_params
from rayal.vision.one_pass import augment_in_one_pass, pack


@pytest.mark.parametrize("name", ["rgb", "ct", "grey"])
@pytest.mark.parametrize(
    ("n", "channels", "size"), [(64, 3, (28, 28)), (37, 3, (24, 33)), (5, 1, (28, 28))]
)
def test_one_pass_gives_the_numbers_of_the_groups(
    name: AugmentationName, n: int, channels: int, size: tuple[int, int]
) -> None:
    generator = torch.Generator().manual_seed(n)
    ranges = augmentation_ranges(name, (0.08, 1.0), True)
    images = torch.randint(0, 256, (n, channels, *size), dtype=torch.uint8, generator=generator)
    params = sample_params(n, size, ranges, generator)
    found = augment_in_one_pass(images, pack(params, channels, size), ranges)
    torch.testing.assert_close(found, augment(images, params, ranges), atol=5e-6, rtol=0)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_gray_and_equal_channels_keep_their_hue() -> None:
    generator = torch.Generator().manual_seed(0)
    ranges = augmentation_ranges("rgb", (1.0, 1.0), False)
    gray = torch.randint(0, 256, (16, 1, 8, 8), dtype=torch.uint8, generator=generator)
    images = gray.expand(-1, 3, -1, -1)
    params = sample_params(16, (8, 8), ranges, generator)
    found = augment_in_one_pass(images, pack(params, 3, (8, 8)), ranges)
    torch.testing.assert_close(found[:, 0], found[:, 2], atol=5e-6, rtol=0)
    torch.testing.assert_close(found, augment(images, params, ranges), atol=5e-6, rtol=0)
