"""One image file as a picture for eyes and networks: 8 bits, upright, gray or RGB."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from rayal.datasets._files import dicom
from rayal.datasets._files.decode import (
    GRAY,
    Decoding,
    middle_square,
    picture,
    read_head,
    white_is_zero,
)

LOWEST, HIGHEST = 1.0, 99.0  # percentiles of 16-bit gray that become black and white
_WHOLE = Decoding(4096)  # JPEGs above twice that are decoded at a half
_JPEG_ABOVE = 256  # pixels a side: below it a PNG is as small, and exact


@dataclass(frozen=True)
class PictureFacts:
    """What a file says of its image; notes: what a person should know was done to its values."""

    width: int
    height: int
    mode: str
    is_gray: bool
    notes: tuple[str, ...] = ()


def read_facts(path: Path) -> PictureFacts:
    """Read a file's head.

    Raises:
        ValueError: it cannot be used; the message is a reason that begins with "it".
    """
    if dicom.is_dicom(path):
        head = dicom.read_head(path)
        return PictureFacts(head.width, head.height, head.mode, head.is_gray, head.notes)
    found = read_head(path, _WHOLE)
    notes = []
    if found.mode.startswith("I"):
        notes.append(f"16-bit gray: each image's {LOWEST:g}st to {HIGHEST:g}th percentile")
    if found.is_deep:
        notes.append(
            "16 bits a color: the upper 8 alone, so that colors of fewer bits, such as 12 of 16, "
            "are nearly black: save them over all of the range"
        )
    if found.has_frames:
        notes.append("several frames or pages: the first alone")
    if found.has_channels:
        notes.append("more channels than colors: the colors alone")
    return PictureFacts(found.width, found.height, found.mode, found.is_gray, tuple(notes))


def read_picture(path: Path, side: int = _WHOLE.size) -> Image.Image:
    """Read a file as an L or RGB picture.

    16-bit gray is windowed from the 1st to the 99th percentile of the image; DICOM as its window
    says, else the same.

    Args:
        path: of the file.
        side: large JPEGs are decoded smaller, their short side not below twice this.

    Raises:
        ValueError: as `read_facts`; or it is damaged.
    """
    if dicom.is_dicom(path):
        return Image.fromarray(dicom.read_pixels(path, by_percentiles))
    image = picture(path, Decoding(side), _windowed)
    return image.convert("L" if image.mode in GRAY else "RGB")


def read_square(path: Path, side: int, channels: int) -> npt.NDArray[np.uint8]:
    """Read the middle of a file's picture as (side, side, channels)."""
    image = read_picture(path, side).convert("L" if channels == 1 else "RGB")
    return np.asarray(middle_square(image, side)).reshape(side, side, channels)


def thumbnail(path: Path, side: int) -> bytes:
    """Return a picture that fits into side x side pixels, never enlarged: PNG, above 256 JPEG."""
    image = read_picture(path, side)
    image.thumbnail((side, side))
    content = io.BytesIO()
    if max(image.size) > _JPEG_ABOVE:
        image.save(content, "JPEG", quality=90)
    else:
        image.save(content, "PNG")
    return content.getvalue()


def media_type(content: bytes) -> str:
    """Return the type of what `thumbnail` made, for a page."""
    return "image/jpeg" if content.startswith(b"\xff\xd8") else "image/png"


def by_percentiles(
    values: npt.NDArray[np.generic], counted: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.uint8]:
    """Bring (H, W) numbers of any range to 0..255: the 1st percentile black, the 99th white.

    counted: (H, W), of which numbers the percentiles are taken; None: of all.
    """
    numbers = np.asarray(values, dtype=np.float64)
    own = numbers if counted is None else numbers[counted]
    low, high = np.percentile(own, (LOWEST, HIGHEST))
    if high <= low:
        low, high = float(own.min()), float(own.max())
    return to_bytes(numbers, float(low), float(high))


def to_bytes(values: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.uint8]:
    """Bring (H, W) numbers from [low, high] to 0..255; all of one value is black."""
    scaled = (values - low) * (255 / max(high - low, 1e-12))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _windowed(image: Image.Image) -> Image.Image:
    values = by_percentiles(np.asarray(image))
    return Image.fromarray(255 - values if white_is_zero(image) else values)
