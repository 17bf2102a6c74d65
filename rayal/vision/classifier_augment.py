"""Augmentations that a classifier trains under: each keeps what an image shows.

The parameters are drawn on the CPU, so that a generator means the same on every device.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

import torch

from rayal.vision.augment import rotate as turned
from rayal.vision.device import normalise

Name: TypeAlias = Literal["crop_flip", "crop", "rotate", "hacon", "none"]
# From images (n, channels, H, W) uint8 to -1..1 float32, channels last in memory.
Augmentation: TypeAlias = Callable[[torch.Tensor, torch.Generator], torch.Tensor]

_PADDING = 4  # pixels
_DEGREES = 20.0
_RARE = 0.1  # probability of a reversed and of a faded image
_NOISE = 0.8  # part of a faded image that is noise


def augmentation(name: Name) -> Augmentation:
    """Return the augmentation of that name.

    Args:
        name: crop_flip moves the image by up to 4 pixels (an eighth of a side below 32) over
            black and mirrors it left and right with probability .5; crop does not mirror; rotate
            turns by up to 20 degrees either way and mirrors; hacon is that of HaCon's Table 5;
            none leaves the image as it is.
    """
    known: dict[Name, Augmentation] = {
        "crop_flip": partial(crop, flip=0.5),
        "crop": partial(crop, flip=0.0),
        "rotate": rotate,
        "hacon": hacon,
        "none": lambda images, _: normalise(images),
    }
    return known[name]


def crop(images: torch.Tensor, generator: torch.Generator, flip: float) -> torch.Tensor:
    """Pad with black, cut out the old size at a random place, mirror with probability `flip`."""
    n, _, H, W = images.shape
    down, right = min(_PADDING, -(-H // 8)), min(_PADDING, -(-W // 8))
    top = torch.randint(2 * down + 1, (n, 1), generator=generator)
    left = torch.randint(2 * right + 1, (n, 1), generator=generator)
    rows, columns = top + torch.arange(H), left + torch.arange(W)
    columns = torch.where(_happens(n, flip, generator)[:, None], columns.flip(1), columns)
    padded = torch.nn.functional.pad(images, (right, right, down, down))
    where = images.device
    each = torch.arange(n, device=where)[:, None, None]
    cut = padded[each, :, rows.to(where)[:, :, None], columns.to(where)[:, None]]  # n, H, W, c
    return normalise(cut.permute(0, 3, 1, 2))


def rotate(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror with probability .5 and turn by up to 20 degrees, black outside."""
    n = len(images)
    mirrored = _flipped(images, _happens(n, 0.5, generator)).float().div_(255)
    angle = (torch.rand(n, generator=generator) * 2 - 1) * _DEGREES
    found = turned(mirrored, angle.to(images.device)).mul_(2).sub_(1)
    return found.contiguous(memory_format=torch.channels_last)


def hacon(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror, turn by right angles, reverse the colours, fade (HaCon, Table 5).

    Mirrored with probability .5; turned with probability .5, by 90, 180 or 270 degrees alike (by
    180 where an image is not square); reversed with probability .1; with probability .1 faded to
    20 % of the image and 80 % of uniform noise.
    """
    n = len(images)
    found = _flipped(images, _happens(n, 0.5, generator))
    turns = torch.randint(1, 4, (n,), generator=generator) * _happens(n, 0.5, generator)
    found = _turned_right(found, turns)
    reverse = _happens(n, _RARE, generator).to(images.device)
    found = torch.where(reverse[:, None, None, None], 255 - found, found)
    return _faded(normalise(found), _happens(n, _RARE, generator), generator)


def _turned_right(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Turn each image by so many (n,) right angles, counter-clockwise."""
    H, W = images.shape[2:]
    possible = (1, 2, 3) if H == W else (2,)
    turns = turns if H == W else turns.clamp(max=1) * 2
    found = images.clone()
    for number in possible:
        rows = torch.nonzero(turns == number)[:, 0].to(images.device)
        found[rows] = torch.rot90(images[rows], number, (2, 3))
    return found


def _faded(images: torch.Tensor, which: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mix some images -1..1 with uniform noise, in place."""
    rows = torch.nonzero(which)[:, 0]
    noise = torch.rand((len(rows), *images.shape[1:]), generator=generator) * 2 - 1
    rows = rows.to(images.device)
    images[rows] = (1 - _NOISE) * images[rows] + _NOISE * noise.to(images.device)
    return images


def _flipped(images: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    return torch.where(which.to(images.device)[:, None, None, None], images.flip(3), images)


def _happens(n: int, probability: float, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(n, generator=generator) < probability
