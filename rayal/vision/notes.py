"""What a plan says of a network's images and features before anything is computed."""

from __future__ import annotations

_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def resizing(image: tuple[int, ...], size: tuple[int, int] | None) -> list[str]:
    """Say how images are resized, nothing where they are not.

    Args:
        image: (H, W, channels) of the images, () where it is not known.
        size: (H, W) that they become; None leaves theirs.
    """
    if not image or size is None or image[:2] == size:
        return []
    (H, W), (height, width) = image[:2], size
    if height >= H and width >= W:
        verb = "enlarged"
    else:
        verb = "reduced" if height <= H and width <= W else "resized"
    square = f"{height}" if height == width else f"{height} x {width}"
    stretched = "" if H * width == W * height else ", which stretches them"
    return [f"images are {H} x {W}, {verb} to {square}{stretched}"]


def feature_size(N: int, M: int, D: int, views: int = 0) -> str:
    """Say how many numbers of float32 features an encoder makes, and how many bytes they are.

    Args:
        N: images of the pool.
        M: images to test.
        D: features of an image.
        views: augmented copies of each image of the pool.
    """
    rows = N * (1 + views) + M
    copies = f", {views} views of the pool among them" if views else ""
    return f"features: {rows:,} x {D:,} float32{copies}, {in_units(4 * rows * D)}"


def in_units(count: int) -> str:
    """Write a number of bytes in decimal units."""
    unit, size = next((u, s) for u, s in _UNITS if count >= s or s == _UNITS[-1][1])
    number = count / size
    return f"{number:,.0f} {unit}" if number >= 10 else f"{number:,.1f} {unit}"
