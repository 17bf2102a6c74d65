"""Augmentations with given random parameters, a batch at a time.

A crop, its enlargement and a flip are one linear map of the rows and one of the columns of an
image, and so is a blur: as two small matrix products they cost next to nothing. A crop is never
larger than the image, so it is only ever enlarged and antialiasing, which acts on shrinking alone,
has nothing to do.
"""

from __future__ import annotations

import functools

import torch

from rayal.vision import color as colour
from rayal.vision.draws import GROUPS, Draw, Recipe


def augment(images: torch.Tensor, drawn: Draw, chosen: Recipe) -> torch.Tensor:
    """Return augmented images (n, channels, H, W), -1..1 float32, channels last in memory.

    Args:
        images: (n, channels, H, W) uint8.
        drawn: their parameters, `to` the same device.
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
