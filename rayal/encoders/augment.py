"""Random augmentations of MoCo v2 (Chen et al. 2020b; HaCon, Table 3), a batch at a time.

Each image has its own random parameters; only the order of the four colour changes is shared by
an eighth of a batch. A crop, its enlargement and a flip are one linear map of the rows and one of
the columns of an image, and so is a blur: as two small matrix products they cost next to nothing.
A crop is never larger than the image, so it is only ever enlarged and antialiasing, which acts on
shrinking alone, has nothing to do.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias

import torch

from rayal.encoders import colour

Augmentation: TypeAlias = Literal["rgb", "ct", "grey"]

GROUPS = 8  # parts of a batch with a colour order of their own; on a CPU a part fits the cache
_TRIES = 10  # crops tried before the whole image is taken
_LOG_RATIO = math.log(4 / 3)


@dataclass(frozen=True)
class Recipe:
    """Ranges that the random parameters are drawn from."""

    crop_scale: tuple[float, float]  # part of the image's area
    flip: bool
    jitter: tuple[float, float, float, float]  # brightness, contrast, saturation, hue
    jitter_probability: float
    grey_probability: float
    blur_probability: float
    blur_sigma: tuple[float, float]  # pixels
    rotation: float  # degrees either way


_RGB = Recipe((0.08, 1.0), True, (0.4, 0.4, 0.4, 0.1), 0.8, 0.2, 0.5, (0.1, 2.0), 0.0)
_RECIPES: dict[Augmentation, Recipe] = {
    "rgb": _RGB,
    "ct": replace(_RGB, grey_probability=0.0, blur_probability=0.0, rotation=45.0),
    "grey": replace(_RGB, grey_probability=0.0, blur_probability=0.0, rotation=10.0),
}


def recipe(name: Augmentation, crop_scale: tuple[float, float], flip: bool) -> Recipe:
    """Return a recipe with this range of crops, mirrored or not.

    Args:
        name: rgb is MoCo v2's; ct has a rotation of up to 45 degrees in place of grey and blur;
            grey has one of up to 10 degrees, for pictures of writing and the like.
        crop_scale: smallest and largest part of the image's area that a crop takes.
        flip: mirror left and right with probability .5.

    Raises:
        ValueError: the range of crops is empty or leaves 0..1.
    """
    low, high = crop_scale
    if not 0 < low <= high <= 1:
        raise ValueError(
            f"crop_scale=({low:g}, {high:g}) is no range of parts of an image; "
            "give 0 < smallest <= largest <= 1"
        )
    return replace(_RECIPES[name], crop_scale=crop_scale, flip=flip)


@dataclass(frozen=True)
class Draw:
    """Random parameters of n images: one row an image, apart from order (GROUPS, 4)."""

    top: torch.Tensor
    left: torch.Tensor
    height: torch.Tensor  # of the crop, pixels
    width: torch.Tensor
    flip: torch.Tensor  # bool
    brightness: torch.Tensor  # factors; 1 changes nothing
    contrast: torch.Tensor
    saturation: torch.Tensor
    hue: torch.Tensor  # turns; 0 changes nothing
    order: torch.Tensor  # of brightness, contrast, saturation, hue
    grey: torch.Tensor  # bool
    sigma: torch.Tensor  # of the blur, pixels; 0 changes nothing
    angle: torch.Tensor  # degrees, counter-clockwise

    def to(self, device: torch.device) -> Draw:
        return Draw(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def rows(self, part: slice) -> Draw:
        each = {f.name: getattr(self, f.name)[part] for f in fields(self) if f.name != "order"}
        return Draw(**each, order=self.order)


def draw(n: int, size: tuple[int, int], chosen: Recipe, generator: torch.Generator) -> Draw:
    """Draw the parameters of n images of size (H, W), as torchvision's transforms would."""

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    def happens(probability: float) -> torch.Tensor:
        return torch.rand(n, generator=generator) < probability

    top, left, height, width = _draw_crops(n, size, chosen.crop_scale, generator)
    jittered = happens(chosen.jitter_probability)
    factors = [torch.where(jittered, uniform(1 - s, 1 + s), 1.0) for s in chosen.jitter[:3]]
    hue = torch.where(jittered, uniform(-chosen.jitter[3], chosen.jitter[3]), 0.0)
    blurred = happens(chosen.blur_probability)
    return Draw(
        top=top,
        left=left,
        height=height,
        width=width,
        flip=happens(0.5 if chosen.flip else 0.0),
        brightness=factors[0],
        contrast=factors[1],
        saturation=factors[2],
        hue=hue,
        order=torch.rand(GROUPS, 4, generator=generator).argsort(1),
        grey=happens(chosen.grey_probability),
        sigma=torch.where(blurred, uniform(*chosen.blur_sigma), 0.0),
        angle=uniform(-chosen.rotation, chosen.rotation),
    )


def _draw_crops(
    n: int, size: tuple[int, int], scale: tuple[float, float], generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return top, left, height, width: the first of ten tries that fits, or the whole image."""
    H, W = size
    area = H * W * (torch.rand(n, _TRIES, generator=generator) * (scale[1] - scale[0]) + scale[0])
    turn = torch.exp((torch.rand(n, _TRIES, generator=generator) * 2 - 1) * _LOG_RATIO)
    width, height = (area * turn).sqrt().round(), (area / turn).sqrt().round()
    fits = (width > 0) & (width <= W) & (height > 0) & (height <= H)
    first = fits.int().argmax(1, keepdim=True)
    whole = ~fits.any(1)
    width = torch.where(whole, W, width.gather(1, first)[:, 0])
    height = torch.where(whole, H, height.gather(1, first)[:, 0])
    top = (torch.rand(n, generator=generator) * (H - height + 1)).floor()
    left = (torch.rand(n, generator=generator) * (W - width + 1)).floor()
    return top, left, height, width


def augment(images: torch.Tensor, drawn: Draw, chosen: Recipe) -> torch.Tensor:
    """Return augmented images (n, channels, H, W), -1..1 float32, channels last in memory.

    Args:
        images: (n, channels, H, W) uint8.
        drawn: their parameters, on the same device.
        chosen: the recipe that they were drawn from; what it never does is skipped.
    """
    n = len(images)
    out = torch.empty(
        images.shape, device=images.device, memory_format=torch.channels_last, dtype=torch.float32
    )
    step = -(-n // GROUPS)
    for group, start in enumerate(range(0, n, step)):
        part = slice(start, min(start + step, n))
        one = drawn.rows(part)
        x = crop_and_flip(images[part], one)
        x = colour.change(x, one.order[group].tolist(), one)
        x = blur(x, one.sigma) if chosen.blur_probability else x
        x = rotate(x, one.angle) if chosen.rotation else x
        torch.sub(x.mul_(2), 1, out=out[part])
    return out


def crop_and_flip(images: torch.Tensor, drawn: Draw) -> torch.Tensor:
    """Cut out (n, channels, H, W) uint8, enlarge to the same size (bilinear), mirror; 0..1."""
    H, W = images.shape[2:]
    rows = _sources(H, drawn.top, drawn.height)
    columns = _sources(W, drawn.left, drawn.width)
    columns = torch.where(drawn.flip[:, None], columns.flip(1), columns)
    return _separable(images.float(), _interpolation(rows), _interpolation(columns).div_(255))


def _sources(size: int, start: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    """Return (n, size): where in the image, in pixels, each pixel of the enlarged crop lies."""
    pixel = torch.arange(size, device=start.device)
    inside = (pixel + 0.5) * (length / size)[:, None] - 0.5
    return inside.clamp_(min=0).minimum((length - 1)[:, None]) + start[:, None]


def _interpolation(sources: torch.Tensor) -> torch.Tensor:
    """Return (n, size, size): row y weighs the two pixels on either side of source y."""
    pixel = torch.arange(sources.shape[1], device=sources.device)
    distance = (sources[:, :, None] - pixel).abs_()
    return distance.neg_().add_(1).clamp_(min=0)


def blur(images: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Blur (n, channels, H, W) with a Gaussian of sigma (n,) pixels; 0 leaves an image as it is.

    The kernel reaches three of the largest sigmas (6 pixels), less in smaller images; borders are
    mirrored, as in torchvision.
    """
    H, W = images.shape[2:]
    return _separable(images, _blurring(H, sigma), _blurring(W, sigma))


def _blurring(size: int, sigma: torch.Tensor) -> torch.Tensor:
    """Return (n, size, size) with the kernel of an image in each row, folded at the borders."""
    reach = blur_reach(size)
    offset = torch.arange(-reach, reach + 1, device=sigma.device)
    kernel = torch.exp(-0.5 * (offset / sigma.clamp(min=1e-3)[:, None]) ** 2)
    kernel /= kernel.sum(1, keepdim=True)
    return (kernel @ _places(size, reach, sigma.device)).view(-1, size, size)


@functools.cache
def _places(size: int, reach: int, device: torch.device) -> torch.Tensor:
    """Return (2 reach + 1, size * size): 1 where output pixel y reads pixel x at that offset."""
    offset = torch.arange(-reach, reach + 1, device=device)[:, None]
    read = (torch.arange(size, device=device) + offset).abs()
    read = torch.where(read >= size, 2 * (size - 1) - read, read)
    return torch.nn.functional.one_hot(read, size).float().flatten(1)


def blur_reach(size: int) -> int:
    """Return how many pixels the blur of an image of that size reaches to either side."""
    return min(6, size - 1)


def rotate(images: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Turn (n, channels, H, W) about the centre by angle (n,) degrees, bilinear, black outside."""
    H, W = images.shape[2:]
    cosine, sine = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
    zero = torch.zeros_like(angle)
    row = torch.stack([cosine, -sine * (H / W), zero], 1)
    column = torch.stack([sine * (W / H), cosine, zero], 1)
    grid = torch.nn.functional.affine_grid(
        torch.stack([row, column], 1), list(images.shape), align_corners=False
    )
    return torch.nn.functional.grid_sample(images, grid, align_corners=False)


def _separable(images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return rows @ image @ columns' for each image and channel."""
    n, channels, H, W = images.shape
    across = torch.bmm(images.reshape(n, channels * H, W), columns.transpose(1, 2))
    return torch.matmul(rows[:, None], across.view(n, channels, H, W))
