"""An image file -> uint8 (size, size, channels)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from rayal.datasets._files.unfilled import is_unfilled

Side: TypeAlias = Annotated[int, Field(ge=1, le=4096)]
Channels: TypeAlias = Literal["auto", 1, 3]
Background: TypeAlias = Literal["black", "white"]
# PIL itself refuses from twice its limit on.
ToEightBits: TypeAlias = Callable[[Image.Image], Image.Image]  # 16-bit gray -> 8-bit gray
MaxPixels: TypeAlias = Annotated[int, Field(ge=1, le=178_956_970)]

DEFAULT_SIDE = 224
DEFAULT_MAX_PIXELS = 89_478_485  # PIL's own limit against files that unpack to gigabytes

# Decoders of pixels alone. Pillow has more, of which PostScript's hands the file to Ghostscript,
# a program for programs; others need help from outside or guess a file's kind from little.
FORMATS = (
    "JPEG", "MPO", "PNG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "PPM", "JPEG2000", "AVIF",
)  # fmt: skip
_SIXTEEN_BITS = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
GRAY = frozenset({"1", "L", "LA", "La"})
_COLOR = frozenset({"P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"})
# Formats whose "I" is 16 bits spread over 32; TIFF's are integers of any range.
_WIDENED = frozenset({"PNG", "PPM", "JPEG2000"})
_ORIENTATION = 0x0112  # EXIF
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLES_PER_PIXEL = 258, 262, 277  # TIFF
_COMPRESSION, _PLANAR, _COLOR_MAP, _SAMPLE_FORMAT = 259, 284, 320, 339
_UNCOMPRESSED, _IN_PLANES = 1, 2
_WHITE_IS_ZERO, _SIGNED = 0, 2
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
    max_pixels: int = DEFAULT_MAX_PIXELS


@dataclass(frozen=True)
class Head:
    """What a file says of its image before it is unpacked.

    width, height: in pixels; is_gray: by its mode; has_frames: there are more images in it, as in
    an animation or in a TIFF of several pages; has_channels: there are more than its colors;
    is_deep: its colors, or gray beside transparency, have 16 bits, of which Pillow reads the upper
    8; mode: Pillow's name of how its pixels are kept, such as RGB, P, CMYK or I;16.
    """

    width: int
    height: int
    is_gray: bool
    has_frames: bool = False
    has_channels: bool = False
    mode: str = ""
    is_deep: bool = False


def read_head(path: Path, decoding: Decoding) -> Head:
    """Read a file's head.

    Raises:
        ValueError: it is no image, of a kind that has no certain meaning in 8 bits, or larger than
            max_pixels.
    """
    with _opened(path, decoding) as image:
        gray = image.mode in GRAY or _is_sixteen_bits(image)
        samples = _tiff_tag(image, _SAMPLES_PER_PIXEL, 1)
        more = samples > len(image.getbands())
        deep = _is_deep(image)
        return Head(*image.size, gray, _has_frames(image), more, image.mode, deep)


def decode(path: Path, decoding: Decoding, channels: int) -> npt.NDArray[np.uint8]:
    """Read a file as (size, size, channels), 0 to 255.

    Turned upright by its EXIF orientation; transparent parts laid on the background; the first
    frame of several; palettes, CMYK and YCbCr as the colors that they stand for. 16-bit gray is
    brought to 8 bits by the range of the type (65,535 becomes 255), so that equal grays of two
    files stay equal. Integers of 32 bits and floating-point numbers have no such range and are
    refused. A JPEG more than twice too large is decoded at a half, quarter or eighth, then brought
    to its size as all others are: bilinear, over all pixels that fall into one.

    Raises:
        ValueError: as `read_head`; it is damaged or cut short.
    """
    image = picture(path, decoding).convert("L" if channels == 1 else "RGB")
    return np.asarray(middle_square(image, decoding.size)).reshape(
        decoding.size, decoding.size, channels
    )


def picture(
    path: Path, decoding: Decoding, to_eight_bits: ToEightBits | None = None
) -> Image.Image:
    """Read a whole file as `decode` does, upright, opaque and with 8 bits a channel.

    Palettes, CMYK and YCbCr stay as they are: converting to RGB or L resolves them.

    Args:
        path: of the file.
        decoding: a JPEG more than twice as large as its `size` is decoded smaller.
        to_eight_bits: brings 16-bit gray to 8 bits; None: by the range of the type.

    Raises:
        ValueError: as `decode`.
    """
    with _opened(path, decoding) as image:
        try:
            read = _picture(image, decoding, to_eight_bits or by_type_range)
        except Exception as error:  # decoders raise whatever damaged bytes lead to
            raise ValueError(f"it is damaged: {error}") from error
        if read is None:
            raise ValueError(
                "it is transparent everywhere, so that nothing of its picture is seen: save it "
                "without transparency"
            )
        return read


def middle_square(image: Image.Image, side: int) -> Image.Image:
    """Return the middle of a picture, its short side brought to `side`, bilinear."""
    width, height = image.size
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    return image.resize(
        (side, side),
        Image.Resampling.BILINEAR,
        box=(left, top, left + short, top + short),
    )


@cache
def _formats() -> tuple[str, ...]:
    """Return those of FORMATS that this build of Pillow reads."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _opened(path: Path, decoding: Decoding) -> Image.Image:
    try:
        image = Image.open(path, formats=_formats())
    except Image.DecompressionBombError as error:
        raise ValueError(f"it is too large: {error}") from error
    except Exception as error:
        raise ValueError(f"it cannot be read as an image: {_reason(error)}") from error
    try:
        _check(image, decoding)
        if is_unfilled(path, image.format or ""):
            raise ValueError("its end is zeros, as where a copy was interrupted: copy it again")
    except ValueError:
        image.close()
        raise
    return image


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "none of the formats known" if isinstance(error, OSError) else str(error)


def _check(image: Image.Image, decoding: Decoding) -> None:
    width, height = image.size
    if width * height > decoding.max_pixels:
        raise ValueError(
            f"it has {width} x {height} pixels, more than max_pixels={decoding.max_pixels:,}"
        )
    if numbers := _numbers_without_range(image):
        raise ValueError(
            f"its pixels are {numbers}, which do not fit 16 bits, and nothing says which of them "
            "is black or white: save it with 8 or 16 bits"
        )
    if _is_misread(image):
        raise ValueError(
            "its colors lie in a plane each, of 16 bits and uncompressed, which Pillow reads as "
            "noise: save it with a pixel's colors together (PlanarConfiguration 1), or compressed"
        )
    if _has_dark_palette(image):
        raise ValueError(
            "the colors of its palette are numbers of 8 bits where TIFF has 16, which Pillow reads "
            "as black: save it again, as RGB or with a palette of 16 bits"
        )
    if image.mode not in GRAY | _COLOR and not _is_sixteen_bits(image):
        raise ValueError(f"its colors are of mode {image.mode}, which is not read: save it as RGB")


def _numbers_without_range(image: Image.Image) -> str:
    """Name numbers that no darkest and brightest are known of, "" for all others."""
    if _tiff_tag(image, _SAMPLE_FORMAT, 1) == _SIGNED:
        return "integers with a sign"
    if image.mode == "F":
        return "floating-point numbers"
    return "integers of 32 bits" if image.mode == "I" and not _is_sixteen_bits(image) else ""


def _is_misread(image: Image.Image) -> bool:
    """Whether Pillow takes 16-bit planes for 8-bit ones; compressed ones are read by libtiff."""
    return (
        _tiff_tag(image, _PLANAR, 1) == _IN_PLANES
        and _tiff_tag(image, _SAMPLES_PER_PIXEL, 1) > 1
        and _tiff_tag(image, _BITS_PER_SAMPLE, 8) > 8
        and _tiff_tag(image, _COMPRESSION, 1) == _UNCOMPRESSED
    )


def _has_dark_palette(image: Image.Image) -> bool:
    """Whether a TIFF's palette was written with 8 bits, as some programs do: it would be black."""
    colors = getattr(image, "tag_v2", {}).get(_COLOR_MAP, ())
    return bool(colors) and 0 < max(colors) < 256


def _is_sixteen_bits(image: Image.Image) -> bool:
    return image.mode in _SIXTEEN_BITS or (image.mode == "I" and image.format in _WIDENED)


def _is_deep(image: Image.Image) -> bool:
    """Whether 16 bits are read as their upper 8, which Pillow does for all but gray alone."""
    if _is_sixteen_bits(image) or image.format not in ("PNG", "TIFF"):
        return False
    stored = (
        [str(tile.args) for tile in getattr(image, "tile", ())] if image.format == "PNG" else []
    )
    return any(";16" in form for form in stored) or _tiff_tag(image, _BITS_PER_SAMPLE, 8) > 8


def _has_frames(image: Image.Image) -> bool:
    # An MPO is a photograph, with previews or a second view after it.
    if image.format in ("MPO", "JPEG"):
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001  decoders raise whatever damaged bytes lead to, and `decode` says it
        return False


def _picture(
    image: Image.Image, decoding: Decoding, to_eight_bits: ToEightBits
) -> Image.Image | None:
    """Return the picture, None where nothing of it is seen."""
    width, height = image.size
    twice = 2 * decoding.size / min(width, height)
    if twice < 1:
        image.draft(None, (round(width * twice), round(height * twice)))
    image.load()
    turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    plain = _plain(image, decoding.background, to_eight_bits)
    return plain if turn is None or plain is None else plain.transpose(turn)


def _plain(image: Image.Image, background: str, to_eight_bits: ToEightBits) -> Image.Image | None:
    """Return the image with 8 bits a channel and opaque, None where transparency hides it."""
    if image.mode.startswith("I"):
        return to_eight_bits(image)
    if not image.has_transparency_data:
        return image
    colors = image.convert("RGBA")
    if _is_hidden(colors):
        return None
    return Image.alpha_composite(Image.new("RGBA", image.size, background), colors)


def _is_hidden(image: Image.Image) -> bool:
    """Whether an RGBA image has a picture of which nothing is seen: alpha was left at 0."""
    pixels = np.asarray(image).reshape(-1, 4)
    return not pixels[:, 3].any() and bool((pixels[:, :3] != pixels[0, :3]).any())


def by_type_range(image: Image.Image) -> Image.Image:
    """Bring integers from 0 to the largest of their bits (16, in a TIFF perhaps 12) to 8 bits."""
    largest = 2 ** _tiff_tag(image, _BITS_PER_SAMPLE, 16) - 1
    values = np.rint(np.asarray(image) * (255 / largest)).astype(np.uint8)
    return Image.fromarray(255 - values if white_is_zero(image) else values)


def white_is_zero(image: Image.Image) -> bool:
    """Whether 16-bit gray is stored with white as 0: Pillow turns those of 8 bits alone."""
    return _tiff_tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO


def _tiff_tag(image: Image.Image, tag: int, default: int) -> int:
    """Return a tag of a TIFF, the first number of several, or the default for other formats."""
    value = getattr(image, "tag_v2", {}).get(tag, default)
    return int(value[0] if isinstance(value, tuple) else value)
