"""Augmentations that a classifier trains under: each keeps what an image shows.

The parameters are drawn on the CPU, so that a generator means the same on every device.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

import torch

from rayal.vision.augment import rotate
from rayal.vision.device import bytes_to_network_range, unit_to_network_range, upload
from rayal.vision.weak_augmentation import weak_copies

ClassifierAugmentation: TypeAlias = Literal["crop_flip", "crop", "flip", "rotate", "hacon", "none"]
# Of copies that predictions are compared on, and not trained under.
ViewsAugmentation: TypeAlias = Literal[
    "weak", "weak_flip", "crop_flip", "crop", "flip", "rotate", "hacon"
]
# From images (n, channels, H, W) uint8 to -1..1 float32, channels last in memory.
Augment: TypeAlias = Callable[[torch.Tensor, torch.Generator], torch.Tensor]

_PADDING = 4  # pixels
_DEGREES = 20.0
_RARE = 0.1  # probability of an inverted and of a faded image
_NOISE = 0.8  # fraction of a faded image that is noise


def classifier_augment(name: ClassifierAugmentation | ViewsAugmentation) -> Augment:
    """Return the augmentation of that name.

    Args:
        name: crop_flip moves the image by up to 4 pixels (an eighth of a side below 32) over
            black and mirrors it left and right with probability .5; crop does not mirror, flip does
            nothing else; rotate
            turns by up to 20 degrees either way and mirrors; hacon is that of HaCon's Table 5;
            none leaves the image as it is; weak and weak_flip are those of
            `rayal.vision.weak_augmentation`.
    """
    known: dict[ClassifierAugmentation | ViewsAugmentation, Augment] = {
        "crop_flip": partial(random_crop, flip=0.5),
        "crop": partial(random_crop, flip=0.0),
        "flip": random_flip,
        "rotate": random_rotation,
        "hacon": hacon_augment,
        "weak": partial(weak_augment, flip=False),
        "weak_flip": partial(weak_augment, flip=True),
        "none": lambda images, _: bytes_to_network_range(images),
    }
    return known[name]


def random_crop(images: torch.Tensor, generator: torch.Generator, flip: float) -> torch.Tensor:
    """Pad (n, channels, H, W) uint8 with black, crop to the old size at random, mirror some.

    Args:
        images: (n, channels, H, W) uint8.
        generator: on the CPU.
        flip: probability of mirroring.
    """
    n, _, H, W = images.shape
    return crop(images, *draw_crops(n, (H, W), generator, flip))


def draw_crops(
    n: int, size: tuple[int, int], generator: torch.Generator, flip: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw n crops as `random_crop` does: the rows (n, H) and columns (n, W) of padded images."""
    H, W = size
    down, right = _padding(size)
    top = torch.randint(2 * down + 1, (n, 1), generator=generator)
    left = torch.randint(2 * right + 1, (n, 1), generator=generator)
    rows, columns = top + torch.arange(H), left + torch.arange(W)
    columns = torch.where(_bernoulli(n, flip, generator)[:, None], columns.flip(1), columns)
    return rows, columns


def crop(images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return the drawn crops, -1..1 float32, of images (n, channels, H, W) uint8."""
    n, _, H, W = images.shape
    down, right = _padding((H, W))
    padded = torch.nn.functional.pad(images, (right, right, down, down))
    device = images.device
    each = torch.arange(n, device=device)[:, None, None]
    rows, columns = upload(rows, device)[:, :, None], upload(columns, device)[:, None]
    crops = padded[each, :, rows, columns]  # n, H, W, channels
    return bytes_to_network_range(crops.permute(0, 3, 1, 2))


def _padding(size: tuple[int, int]) -> tuple[int, int]:
    H, W = size
    return min(_PADDING, -(-H // 8)), min(_PADDING, -(-W // 8))


def random_flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror (n, channels, H, W) uint8 left and right with probability .5."""
    return bytes_to_network_range(_flip_some(images, _bernoulli(len(images), 0.5, generator)))


def weak_augment(images: torch.Tensor, generator: torch.Generator, flip: bool) -> torch.Tensor:
    """Crop at least 80 % of (n, channels, H, W) uint8, enlarge it to the old size, mirror some."""
    return unit_to_network_range(weak_copies(images, generator, flip=flip))


def random_rotation(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror (n, channels, H, W) uint8 with probability .5, turn by up to 20 degrees over black."""
    n = len(images)
    mirrored = _flip_some(images, _bernoulli(n, 0.5, generator)).float().div_(255)
    angle = (torch.rand(n, generator=generator) * 2 - 1) * _DEGREES
    return unit_to_network_range(rotate(mirrored, upload(angle, images.device)))


def hacon_augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror, turn by right angles, invert, fade images (n, channels, H, W) uint8 (HaCon, Table 5).

    Mirrored with probability .5; turned with probability .5, by 90, 180 or 270 degrees alike (by
    180 where an image is not square); inverted with probability .1; with probability .1 faded to
    20 % of the image and 80 % of uniform noise.
    """
    n = len(images)
    changed = _flip_some(images, _bernoulli(n, 0.5, generator))
    turns = torch.randint(1, 4, (n,), generator=generator) * _bernoulli(n, 0.5, generator)
    changed = _turn_by_right_angles(changed, turns)
    invert = upload(_bernoulli(n, _RARE, generator), images.device)
    changed = torch.where(invert[:, None, None, None], 255 - changed, changed)
    return _fade_some(bytes_to_network_range(changed), _bernoulli(n, _RARE, generator), generator)


def _turn_by_right_angles(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Turn each image by (n,) right angles, counter-clockwise."""
    H, W = images.shape[2:]
    possible = (1, 2, 3) if H == W else (2,)
    turns = turns if H == W else turns.clamp(max=1) * 2
    turned = images.clone()
    for number in possible:
        rows = upload(torch.nonzero(turns == number)[:, 0], images.device)
        turned[rows] = torch.rot90(images[rows], number, (2, 3))
    return turned


def _fade_some(
    images: torch.Tensor, which: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Mix images -1..1 with uniform noise where `which` (n,) says so, in place."""
    rows = torch.nonzero(which)[:, 0]
    noise = torch.rand((len(rows), *images.shape[1:]), generator=generator) * 2 - 1
    rows, noise = upload(rows, images.device), upload(noise, images.device)
    images[rows] = (1 - _NOISE) * images[rows] + _NOISE * noise
    return images


def _flip_some(images: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    """Mirror images left and right where `which` (n,) says so."""
    return torch.where(upload(which, images.device)[:, None, None, None], images.flip(3), images)


def _bernoulli(n: int, probability: float, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(n, generator=generator) < probability
