"""The strong augmentation of FixMatch: RandAugment and Cutout (Sohn et al. 2020, Appendix E).

Each image is shifted, mirrored or not, then changed by two operations drawn for it, each with a
magnitude of its own, and a gray square of half its side is laid over it. Of FixMatch's fourteen
operations, equalizing the histogram is left out, and blurring stands in for the change of
sharpness; the others have its ranges.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import torch

from rayal.vision.augment import (
    affine,
    blur_radius,
    blur_with,
    gaussian_kernels,
    rotation_maps,
)
from rayal.vision.color import blend
from rayal.vision.device import upload

_OPERATIONS_PER_IMAGE = 2
_GRAY = 0.5
_LARGEST = 26  # numbers of an operation: a blur's two kernels

# Of magnitudes (n,) -1..1, on the CPU, for images of size (H, W): numbers (n, k), k up to 26.
Numbers: TypeAlias = Callable[[torch.Tensor, tuple[int, int]], torch.Tensor]
# Changed images (n, channels, H, W) 0..1 from images and such numbers; may be in place.
Change: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Operation:
    """An operation as a change and the numbers that it takes for an image's magnitude.

    Operations with the same change, one after another in OPERATIONS, are carried out together: a
    GPU's time goes by the number of operations that it is given.
    """

    numbers: Numbers
    change: Change

    def __call__(self, images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        """Return changed images (n, channels, H, W), by magnitudes (n,) on the CPU."""
        H, W = images.shape[2:]
        return self.change(images, upload(self.numbers(magnitudes, (H, W)), images.device))


def strengthen(crops: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return strongly augmented images of crops (n, channels, H, W); both -1..1 float32.

    The crops may be changed.
    """
    changed = crops.add_(1).div_(2)
    for _ in range(_OPERATIONS_PER_IMAGE):
        changed = apply_random_operations(changed, generator)
    return cutout(changed, generator).mul_(2).sub_(1)


def apply_random_operations(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Change each image (n, channels, H, W), 0..1, by one operation drawn for it.

    The images are sorted by their operations, and back: so all that a GPU needs to be told of
    them comes in two transfers.
    """
    n, (H, W) = len(images), images.shape[2:]
    which = torch.randint(len(OPERATIONS), (n,), generator=generator)
    magnitudes = torch.rand(n, generator=generator) * 2 - 1
    order = which.argsort(stable=True)
    orders = upload(torch.stack([order, order.argsort()]), images.device)
    ends = torch.bincount(which, minlength=len(OPERATIONS)).cumsum(0).tolist()
    table = upload(_all_numbers(magnitudes[order], (H, W), ends), images.device)
    ordered = images[orders[0]]
    changed = [change(ordered[rows], table[rows]) for change, rows in _stretches(ends)]
    return torch.cat(changed)[orders[1]]


def _all_numbers(magnitudes: torch.Tensor, size: tuple[int, int], ends: list[int]) -> torch.Tensor:
    """Return (n, 26): the numbers of each image's operation.

    ends: of the rows of each operation.
    """
    table = torch.zeros(len(magnitudes), _LARGEST)
    for operation, start, end in zip(OPERATIONS.values(), [0, *ends], ends, strict=False):
        numbers = operation.numbers(magnitudes[start:end], size)
        table[start:end, : numbers.shape[1]] = numbers
    return table


def _stretches(ends: list[int]) -> Iterator[tuple[Change, slice]]:
    """Yield each change with the rows of all operations that it carries out, where it has any.

    Together they are all rows, in order.
    """
    start = 0
    changes = zip((operation.change for operation in OPERATIONS.values()), ends, strict=True)
    for change, group in itertools.groupby(changes, lambda pair: pair[0]):
        *_, (_, end) = group
        if end > start:
            yield change, slice(start, end)
        start = end


def cutout(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Lay a gray square of half the side over each (n, channels, H, W); in place.

    Its center is any pixel, so that it may reach over the border.
    """
    n, _, H, W = images.shape
    rows = upload(_covered(n, H, H // 2, generator), images.device)
    columns = upload(_covered(n, W, W // 2, generator), images.device)
    return images.masked_fill_((rows[:, :, None] & columns[:, None])[:, None], _GRAY)


def _covered(n: int, size: int, length: int, generator: torch.Generator) -> torch.Tensor:
    """Return (n, size): whether a stretch of that length about a random pixel covers a pixel."""
    start = torch.randint(size, (n, 1), generator=generator) - length // 2
    pixel = torch.arange(size)
    return (pixel >= start) & (pixel < start + length)


def _none(magnitudes: torch.Tensor, _: tuple[int, int]) -> torch.Tensor:
    return magnitudes.new_empty(len(magnitudes), 0)


def _keep(images: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    return images


def _autocontrast(images: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """Stretch the values of each channel to 0..1; a constant channel stays."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.where(high > low, (images - low) / (high - low).clamp(min=1e-6), images)


def _blend_weights(gray: float, mean: float) -> Numbers:
    """Return the weights of the image, of its gray values and of their mean; see `color.blend`."""

    def numbers(magnitudes: torch.Tensor, _: tuple[int, int]) -> torch.Tensor:
        factor = 0.5 + 0.45 * magnitudes
        return torch.stack([factor, gray * (1 - factor), mean * (1 - factor)], 1)

    return numbers


def _blend(images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    factor, gray, mean = numbers[:, :3].unbind(1)
    return blend(images, factor, gray, mean)


def _steps(magnitudes: torch.Tensor, _: tuple[int, int]) -> torch.Tensor:
    """Return 255 in steps, and the step of 1 to 16 of those values."""
    step = 2 ** (2 - 2 * magnitudes).round()
    return torch.stack([255 / step, step], 1)


def _posterize(images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Keep the highest of 8 bits, those above a step (n,) of 1 to 16; see `_steps`."""
    scale, step = numbers[:, :2, None, None].unbind(1)
    return (images * scale[:, None]).add_(1e-3).floor_().mul_(step[:, None]).div_(255)


def _kernels(magnitudes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return the kernel along the height, then that along the width, of a sigma of 0 to 2."""
    return torch.cat([gaussian_kernels(side, 1 + magnitudes) for side in size], 1)


def _blur(images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    H, W = (2 * blur_radius(side) + 1 for side in images.shape[2:])
    along_height = numbers[:, :H]
    if images.shape[2] == images.shape[3]:
        return blur_with(images, along_height, along_height)
    return blur_with(images, along_height, numbers[:, H : H + W])


def _solarize(images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Invert what is brighter than a threshold (n,) of 0..1."""
    return torch.where(images < numbers[:, :1, None, None], images, 1 - images)


def _warp(images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    return affine(images, numbers[:, :6].reshape(-1, 2, 3))


def _rotation(magnitudes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return rotation_maps(30 * magnitudes, size).flatten(1)


def _shear_or_translation(entry: tuple[int, int], largest: float) -> Numbers:
    """Put `largest` * magnitude into one entry of the affine map; black outside."""

    def numbers(magnitudes: torch.Tensor, _: tuple[int, int]) -> torch.Tensor:
        maps = torch.eye(2, 3).repeat(len(magnitudes), 1, 1)
        maps[:, entry[0], entry[1]] = largest * magnitudes
        return maps.flatten(1)

    return numbers


OPERATIONS: dict[str, Operation] = {
    "identity": Operation(_none, _keep),
    "autocontrast": Operation(_none, _autocontrast),
    "brightness": Operation(_blend_weights(gray=0, mean=0), _blend),
    "contrast": Operation(_blend_weights(gray=0, mean=1), _blend),
    "color": Operation(_blend_weights(gray=1, mean=0), _blend),
    "blur": Operation(_kernels, _blur),
    "posterize": Operation(_steps, _posterize),
    "solarize": Operation(lambda m, _: ((m + 1) / 2)[:, None], _solarize),
    "rotate": Operation(_rotation, _warp),
    "shear_x": Operation(_shear_or_translation((0, 1), 0.3), _warp),
    "shear_y": Operation(_shear_or_translation((1, 0), 0.3), _warp),
    # The side of an image is 2 in affine_grid's coordinates: .3 of it.
    "translate_x": Operation(_shear_or_translation((0, 2), 0.6), _warp),
    "translate_y": Operation(_shear_or_translation((1, 2), 0.6), _warp),
}
