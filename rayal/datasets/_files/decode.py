"""An image file -> uint8 (size, size, channels)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

Side: TypeAlias = Annotated[int, Field(ge=1, le=4096)]
Channels: TypeAlias = Literal["auto", 1, 3]
Background: TypeAlias = Literal["black", "white"]
# PIL itself refuses from twice its limit on.
MaxPixels: TypeAlias = Annotated[int, Field(ge=1, le=178_956_970)]

USUAL_MAX_PIXELS = 89_478_485  # PIL's own limit against files that unpack to gigabytes

_GRAY = frozenset({"1", "L", "LA", "La", "I", "F"})
_ORIENTATION = 0x0112  # EXIF
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Decoding:
    """How files become arrays.

    size: height and width in pixels: the short side is brought to it, the middle is cut out.
    channels: 1 gray, 3 colors, "auto": 1 where every file is gray by its mode, else 3.
    background: what transparent parts are laid on.
    max_pixels: files with more are refused.
    """

    size: int
    channels: Channels = "auto"
    background: Background = "black"
    max_pixels: int = USUAL_MAX_PIXELS


def is_gray(path: Path, decoding: Decoding) -> bool:
    """Read a file's head: whether it is gray by its mode.

    Raises:
        ValueError: it is no image, or larger than max_pixels.
    """
    with _opened(path, decoding) as image:
        return _is_gray(image.mode)


def decode(path: Path, decoding: Decoding, channels: int) -> npt.NDArray[np.uint8]:
    """Read a file as (size, size, channels).

    Turned upright by its EXIF orientation; transparent parts laid on the background; 16-bit gray
    brought to 8 bits by the range of the type (65,535 becomes 255), so that equal grays of two
    files stay equal; the first frame of several. A JPEG more than twice too large is decoded at a
    half, quarter or eighth, then brought to its size as all others are: bilinear, over all pixels
    that fall into one.

    Raises:
        ValueError: it is damaged, cut short or no image, or larger than max_pixels.
    """
    with _opened(path, decoding) as image:
        try:
            return _decoded(image, decoding, channels)
        except Exception as error:  # decoders raise whatever damaged bytes lead to
            raise ValueError(f"it is damaged: {error}") from error


def _opened(path: Path, decoding: Decoding) -> Image.Image:
    try:
        image = Image.open(path)
    except Image.DecompressionBombError as error:
        raise ValueError(f"it is too large: {error}") from error
    except Exception as error:
        raise ValueError(f"it cannot be read as an image: {_reason(error)}") from error
    width, height = image.size
    if width * height > decoding.max_pixels:
        image.close()
        raise ValueError(
            f"it has {width} x {height} pixels, more than max_pixels={decoding.max_pixels:,}"
        )
    return image


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "none of the formats known" if isinstance(error, OSError) else str(error)


def _decoded(image: Image.Image, decoding: Decoding, channels: int) -> npt.NDArray[np.uint8]:
    width, height = image.size
    twice = 2 * decoding.size / min(width, height)
    if twice < 1:
        image.draft(None, (round(width * twice), round(height * twice)))
    image.load()
    plain = _plain(_upright(image), decoding.background).convert("L" if channels == 1 else "RGB")
    width, height = plain.size
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    square = plain.resize(
        (decoding.size, decoding.size),
        Image.Resampling.BILINEAR,
        box=(left, top, left + short, top + short),
    )
    return np.asarray(square).reshape(decoding.size, decoding.size, channels)


def _upright(image: Image.Image) -> Image.Image:
    turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _plain(image: Image.Image, background: str) -> Image.Image:
    """Return the image without transparency and with 8 bits a channel."""
    if image.mode[0] in "IF":
        return _eight_bits(image)
    if not image.has_transparency_data:
        return image
    ground = Image.new("RGBA", image.size, background)
    return Image.alpha_composite(ground, image.convert("RGBA"))


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65_535:
        raise ValueError(f"its values (mode {image.mode}) do not fit 16 bits: save it with 8 or 16")
    return Image.fromarray(np.rint(values * (255 / 65_535)).astype(np.uint8))


def _is_gray(mode: str) -> bool:
    return mode in _GRAY or mode.startswith("I;16")
