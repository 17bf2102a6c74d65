"""Augmentations with given random parameters, a batch at a time.

A crop, its enlargement and a flip are one linear map of the rows and one of the columns of an
image, and so is a blur: as two small matrix products they cost next to nothing. A crop is never
larger than the image, so it is only ever enlarged, and antialiasing, which acts when an image
shrinks, has nothing to do.
"""

from __future__ import annotations

import functools

import torch

from rayal.vision.augmentation_params import GROUPS, AugmentationParams, AugmentationRanges
from rayal.vision.color import color_jitter

_LARGEST_BLUR_RADIUS = 6  # pixels: three times the largest sigma


def augment(
    images: torch.Tensor, params: AugmentationParams, ranges: AugmentationRanges
) -> torch.Tensor:
    """Return augmented images (n, channels, H, W), -1..1 float32, channels last in memory.

    Args:
        images: (n, channels, H, W) uint8.
        params: theirs, on the same device.
        ranges: those that the parameters were drawn from; what they rule out is skipped.
    """
    n = len(images)
    out = torch.empty(
        images.shape, device=images.device, memory_format=torch.channels_last, dtype=torch.float32
    )
    step = -(-n // GROUPS)
    for group, start in enumerate(range(0, n, step)):
        rows = slice(start, min(start + step, n))
        part = params.rows(rows)
        x = crop_and_flip(images[rows], part)
        x = color_jitter(x, part.order[group].tolist(), part)
        x = blur(x, part.sigma) if ranges.blur_probability else x
        x = rotate(x, part.angle) if ranges.rotation else x
        torch.sub(x.mul_(2), 1, out=out[rows])
    return out


def crop_and_flip(images: torch.Tensor, params: AugmentationParams) -> torch.Tensor:
    """Crop (n, channels, H, W) uint8, enlarge to the same size (bilinear), mirror; in 0..1."""
    H, W = images.shape[2:]
    rows = _source_pixels(H, params.top, params.height)
    columns = _source_pixels(W, params.left, params.width)
    columns = torch.where(params.flip[:, None], columns.flip(1), columns)
    row_weights, column_weights = _bilinear_weights(rows), _bilinear_weights(columns).div_(255)
    return apply_separable(images.float(), row_weights, column_weights)


def _source_pixels(size: int, start: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    """Return (n, size): where in the image, in pixels, each pixel of the enlarged crop lies.

    start, length: (n,) of the crop along this axis, in pixels.
    """
    pixel = torch.arange(size, device=start.device)
    inside = (pixel + 0.5) * (length / size)[:, None] - 0.5
    return inside.clamp_(min=0).minimum((length - 1)[:, None]) + start[:, None]


def _bilinear_weights(sources: torch.Tensor) -> torch.Tensor:
    """Return (n, size, size): row y weighs the two pixels on either side of source y."""
    pixel = torch.arange(sources.shape[1], device=sources.device)
    distance = (sources[:, :, None] - pixel).abs_()
    return distance.neg_().add_(1).clamp_(min=0)


def blur(images: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Blur (n, channels, H, W) with a Gaussian of sigma (n,) pixels; 0 leaves an image as it is.

    The kernel's radius is three of the largest sigmas (6 pixels), less in smaller images; borders
    are reflected, as in torchvision.
    """
    H, W = images.shape[2:]
    along_height = gaussian_kernels(H, sigma)
    return blur_with(images, along_height, along_height if H == W else gaussian_kernels(W, sigma))


def gaussian_kernels(size: int, sigma: torch.Tensor) -> torch.Tensor:
    """Return the kernels (n, 2 radius + 1) that `blur` has along a side of that many pixels."""
    radius = blur_radius(size)
    offset = torch.arange(-radius, radius + 1, device=sigma.device)
    kernel = torch.exp(-0.5 * (offset / sigma.clamp(min=1e-3)[:, None]) ** 2)
    return kernel.div_(kernel.sum(1, keepdim=True))


def blur_with(
    images: torch.Tensor, along_height: torch.Tensor, along_width: torch.Tensor
) -> torch.Tensor:
    """Blur (n, channels, H, W) with kernels of `gaussian_kernels`, borders reflected."""
    H, W = images.shape[2:]
    rows = _blur_weights(H, along_height)
    columns = rows if along_width is along_height else _blur_weights(W, along_width)
    return apply_separable(images, rows, columns)


def _blur_weights(size: int, kernel: torch.Tensor) -> torch.Tensor:
    """Return (n, size, size) with the kernel of an image in each row, reflected at the borders."""
    at_offset = _pixel_at_offset(size, blur_radius(size), kernel.device)
    return (kernel @ at_offset).view(-1, size, size)


@functools.cache
def _pixel_at_offset(size: int, radius: int, device: torch.device) -> torch.Tensor:
    """Return (2 radius + 1, size * size): 1 where output pixel y reads pixel x at that offset."""
    offset = torch.arange(-radius, radius + 1, device=device)[:, None]
    read = (torch.arange(size, device=device) + offset).abs()
    read = torch.where(read >= size, 2 * (size - 1) - read, read)
    return torch.nn.functional.one_hot(read, size).float().flatten(1)


def blur_radius(size: int) -> int:
    """Return the radius in pixels of the blur of an image with that side."""
    return min(_LARGEST_BLUR_RADIUS, size - 1)


def rotate(images: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Rotate (n, channels, H, W) about the center by angle (n,) degrees, bilinear, black outside.

    Counter-clockwise.
    """
    H, W = images.shape[2:]
    return affine(images, rotation_maps(angle, (H, W)))


def rotation_maps(angle: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return the affine maps (n, 2, 3) that rotate images of that size by angle (n,) degrees."""
    H, W = size
    cosine, sine = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
    zero = torch.zeros_like(angle)
    row = torch.stack([cosine, -sine * (H / W), zero], 1)
    column = torch.stack([sine * (W / H), cosine, zero], 1)
    return torch.stack([row, column], 1)


def affine(images: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Warp (n, channels, H, W) by affine maps (n, 2, 3) of affine_grid; bilinear, black outside."""
    grid = torch.nn.functional.affine_grid(maps, list(images.shape), align_corners=False)
    return torch.nn.functional.grid_sample(images, grid, align_corners=False)


def apply_separable(
    images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
) -> torch.Tensor:
    """Return rows (n, H, H) @ image (H, W) @ columns' (n, W, W) for each image and channel."""
    n, channels, H, W = images.shape
    across = torch.bmm(images.reshape(n, channels * H, W), columns.transpose(1, 2))
    return torch.matmul(rows[:, None], across.view(n, channels, H, W))
