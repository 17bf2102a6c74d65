"""The augmentations of `augment` in one pass over a batch: a tenth of the operations, for GPUs.

On small images a GPU ends each operation before Python starts the next, so that their number is
what counts. `augment` takes eight groups one after another, each in its own order of the color
adjustments. Here all that depends on a group becomes numbers, a row of a table for each parameter
and a column for each image. The table is made on the CPU, and is one transfer.

* A change of brightness, contrast or saturation is `factor * image + gray * pixel's gray + mean *
  image's mean gray`, with weights that are 0 where the change has none. An image has up to three
  of these before its hue turns, and up to three after: those that it lacks leave it as it is.
* The crop of rows and that of columns are one computation where images are square.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from rayal.vision.augment import apply_separable, blur, rotate
from rayal.vision.augmentation_params import AugmentationParams, AugmentationRanges
from rayal.vision.color import blend
from rayal.vision.device import upload

_BRIGHTNESS, _CONTRAST, _SATURATION, _HUE = range(4)  # in AugmentationParams.order
_NONE = -1


@dataclass(frozen=True)
class OnePassParams:
    """Random parameters of n images of one size, as numbers that one pass needs.

    table: (rows, n) float32. The first rows are the crop's, for both axes each; see `_crop_rows`.
    before, after: changes of brightness, contrast and saturation on either side of the hue's.
    """

    table: torch.Tensor
    before: int
    after: int

    def to(self, device: torch.device) -> OnePassParams:
        """Start the transfer; nothing waits for it."""
        return replace(self, table=upload(self.table, device))


def pack(params: AugmentationParams, channels: int, size: tuple[int, int]) -> OnePassParams:
    """Work out the table of parameters that lie on the CPU, for images (n, channels, *size)."""
    rgb = channels == 3
    before, after = _changes(params, rgb)
    single = [params.hue, (~params.grayscale).float(), params.sigma, params.angle]
    table = torch.stack(
        [
            *_crop_rows(params, size),
            *single,
            *(row for kinds in (*before, *after) for row in _blend_rows(params, kinds)),
        ]
    )
    return OnePassParams(table, len(before), len(after))


_CROP_ROWS, _SINGLE_ROWS = 8, 4


def _crop_rows(params: AugmentationParams, size: tuple[int, int]) -> list[torch.Tensor]:
    """Return start, pixels per pixel, last pixel and whether mirrored; rows and columns of each."""
    H, W = size
    unmirrored = torch.zeros_like(params.top)
    return [
        params.top, params.left,
        params.height / H, params.width / W,
        params.height - 1, params.width - 1,
        unmirrored, params.flip.float(),
    ]  # fmt: skip


def _changes(params: AugmentationParams, rgb: bool) -> tuple[list[torch.Tensor], ...]:
    """Return the kinds (n,) of the first, second ... change before the hue's turn, and after it."""
    n, groups = len(params.hue), len(params.order)
    step = -(-n // groups)
    allowed = (_BRIGHTNESS, _CONTRAST, _SATURATION) if rgb else (_BRIGHTNESS, _CONTRAST)
    before: list[list[int]] = []
    after: list[list[int]] = []
    for order in params.order.tolist():
        turn = order.index(_HUE) if rgb else len(order)
        before.append([kind for kind in order[:turn] if kind in allowed])
        after.append([kind for kind in order[turn:] if kind in allowed])
    return tuple(
        [
            torch.tensor([k[place] if place < len(k) else _NONE for k in kinds])
            .repeat_interleave(step)[:n]
            for place in range(max(map(len, kinds)))
        ]
        for kinds in (before, after)
    )  # fmt: skip


def _blend_rows(params: AugmentationParams, kinds: torch.Tensor) -> Sequence[torch.Tensor]:
    """Return the weights (n,) of the image, of its gray values, and of their mean."""
    factor = torch.ones_like(params.brightness)
    for kind, factors in (
        (_BRIGHTNESS, params.brightness),
        (_CONTRAST, params.contrast),
        (_SATURATION, params.saturation),
    ):
        factor = torch.where(kinds == kind, factors, factor)
    zero = torch.zeros_like(factor)
    gray = torch.where(kinds == _SATURATION, 1 - factor, zero)
    return factor, gray, torch.where(kinds == _CONTRAST, 1 - factor, zero)


def augment_in_one_pass(
    images: torch.Tensor, params: OnePassParams, ranges: AugmentationRanges
) -> torch.Tensor:
    """Return what `augment` does, but for rounding, by fewer operations on more memory.

    Args:
        images: (n, channels, H, W) uint8.
        params: theirs, on the same device.
        ranges: those that the parameters were drawn from; what they rule out is skipped.
    """
    table, rgb = params.table, images.shape[1] == 3
    hue, colored, sigma, angle = table[_CROP_ROWS : _CROP_ROWS + _SINGLE_ROWS]
    blends = table[_CROP_ROWS + _SINGLE_ROWS :].view(-1, 3, len(images))
    x = _crop_and_flip(images, table[:_CROP_ROWS].view(4, 2, -1))
    for factor, gray, mean in blends[: params.before]:
        x = blend(x, factor, gray, mean)
    if rgb:
        x = _turn_hue(x, hue)
        for factor, gray, mean in blends[params.before :]:
            x = blend(x, factor, gray, mean)
        x = (
            x
            if not ranges.grayscale_probability
            else blend(x, colored, 1 - colored, torch.zeros_like(colored))
        )
    x = blur(x, sigma) if ranges.blur_probability else x
    x = rotate(x, angle) if ranges.rotation else x
    return x.mul_(2).sub_(1).contiguous(memory_format=torch.channels_last)


def _crop_and_flip(images: torch.Tensor, crop: torch.Tensor) -> torch.Tensor:
    """Crop (n, channels, H, W) uint8, enlarge to the same size (bilinear), mirror; in 0..1.

    crop: (4, 2, n), the rows of `_crop_rows`.
    """
    n, (H, W) = len(images), images.shape[2:]
    if H == W:
        rows, columns = torch.split(_bilinear_weights(H, crop.flatten(1)), n)
    else:
        rows, columns = _bilinear_weights(H, crop[:, 0]), _bilinear_weights(W, crop[:, 1])
    return apply_separable(images.float(), rows, columns.div_(255))


def _bilinear_weights(size: int, crop: torch.Tensor) -> torch.Tensor:
    """Return (m, size, size): row y weighs the two source pixels of enlarged pixel y."""
    start, scale, last, mirrored = crop[:, :, None]
    pixel, center, reflection = _pixels(size, crop.device)
    inside = torch.addcmul(center, mirrored, reflection) * scale - 0.5
    sources = inside.clamp_(min=0).minimum(last) + start
    distance = (sources[:, :, None] - pixel).abs_()
    weights: torch.Tensor = 1 - distance
    return weights.clamp_(min=0)


@functools.cache
def _pixels(size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return pixels 0, 1, ...; their centers; and what leads from each to its mirror image."""
    pixel = torch.arange(size, dtype=torch.float32, device=device)
    return pixel, pixel + 0.5, size - 1 - 2 * pixel


def _turn_hue(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Rotate the hue of images (n, 3, H, W) by full turns (n,); see `color.adjust_hue`."""
    highest, lowest = images.amax(1, keepdim=True), images.amin(1, keepdim=True)
    chroma = highest - lowest
    is_red, is_green, _ = torch.split(images == highest, 1, 1)
    from_red, from_green, from_blue = torch.split(images.roll(-1, 1) - images.roll(1, 1), 1, 1)
    sector, middle, sign, shift = _hexagon(images.device)
    hue = torch.where(is_red, from_red, torch.where(is_green, from_green, from_blue))
    start = torch.where(is_red, sector[0], torch.where(is_green, sector[1], sector[2]))
    hue = torch.addcdiv(start, hue, chroma.clamp(min=1e-12))
    hue = hue.add_(_per_image(turns), alpha=6).remainder_(6)
    ramp = torch.addcmul(shift, (hue - middle).abs_(), sign).clamp_(0, 1)
    return torch.addcmul(lowest, chroma, ramp)


@functools.cache
def _hexagon(device: torch.device) -> tuple[torch.Tensor, ...]:
    """Return where red, green and blue begin, and the ramps of the channels, (3, 1, 1) each."""
    numbers = torch.tensor([[0.0, 2, 4], [3, 2, 4], [1, -1, -1], [-1, 2, 2]])
    return tuple(numbers.to(device)[:, :, None, None])


def _per_image(values: torch.Tensor) -> torch.Tensor:
    return values[:, None, None, None]
