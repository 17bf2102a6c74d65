"""DICOM files as 8-bit gray or RGB, by pydicom (extra `dicom`)."""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_PALETTE = "PALETTE COLOR"  # gray by its one sample, colors by their tables
SUFFIXES = frozenset({".dcm", ".dicom", ".dic", ".ima"})
_PREAMBLE = 128  # bytes before the four letters that every DICOM file has
Bytes: TypeAlias = npt.NDArray[np.uint8]
Window: TypeAlias = Callable[[npt.NDArray[np.generic]], Bytes]


@dataclass(frozen=True)
class DicomHead:
    """What a file says of its image; notes: what is done to its values."""

    width: int
    height: int
    mode: str
    is_gray: bool
    notes: tuple[str, ...]


def is_dicom(path: Path) -> bool:
    """Whether a file is one by its suffix, or by its first bytes where it has none."""
    if path.suffix:
        return path.suffix.lower() in SUFFIXES
    try:
        with path.open("rb") as file:
            return file.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"
    except OSError:
        return False


def is_readable() -> bool:
    """Whether pydicom is installed."""
    return importlib.util.find_spec("pydicom") is not None


def read_head(path: Path) -> DicomHead:
    """Read all of a file but its pixels.

    Raises:
        ValueError: it is no DICOM image, or pydicom is not installed.
    """
    with _refused_as("it cannot be read as DICOM"):
        data = _read(path, pixels=False)
        if "Rows" not in data or "Columns" not in data:
            raise ValueError("it has no image")
        return DicomHead(
            int(data.Columns), int(data.Rows), "DICOM", _is_gray(data), tuple(_notes(data))
        )


def read_pixels(path: Path, window: Window) -> Bytes:
    """Return the image (H, W) or (H, W, 3), the first frame of several.

    Gray values are brought to 8 bits by the window that the file stores (its first), else by
    `window`; where white is stored as the lowest value it is turned round.

    Raises:
        ValueError: it is damaged, compressed in a way that is not read here, or pydicom is not
            installed.
    """
    with _refused_as("its pixels cannot be read"):
        data = _read(path, pixels=True)
        pixels = np.asarray(data.pixel_array)
        if int(data.get("NumberOfFrames", 1) or 1) > 1:
            pixels = pixels[0]
        if not _is_gray(data):
            return _color(data, pixels)
        shown = _gray(data, pixels, window)
        return 255 - shown if data.get("PhotometricInterpretation") == "MONOCHROME1" else shown


@contextmanager
def _refused_as(words: str) -> Iterator[None]:
    """Refuse whatever is raised: pydicom raises all that damaged bytes and odd fields lead to."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ValueError(
            "it is DICOM, which is read where pydicom is installed: pip install 'rayal[dicom]'"
        ) from error
    except Exception as error:
        raise ValueError(f"{words}: {error}") from error


def _gray(data: Any, pixels: npt.NDArray[Any], window: Window) -> Bytes:
    processing = importlib.import_module("pydicom.pixels")
    has_scale = data.get("RescaleSlope") is not None and data.get("RescaleIntercept") is not None
    scaled = has_scale or "ModalityLUTSequence" in data
    values = np.asarray(processing.apply_modality_lut(pixels, data) if scaled else pixels)
    if not _has_window(data):
        return window(values)
    center, width = _first(data.WindowCenter), max(_first(data.WindowWidth), 1.0)
    low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    bright = (values.astype(np.float64) - low) * (255 / max(high - low, 1e-12))
    return np.rint(np.clip(bright, 0, 255)).astype(np.uint8)


def _color(data: Any, pixels: npt.NDArray[Any]) -> Bytes:
    """Bring RGB, or places in a palette, to 8 bits; pydicom has brought YBR to RGB already."""
    bits = int(data.get("BitsStored", 8))
    if data.get("PhotometricInterpretation") == _PALETTE:
        pixels = importlib.import_module("pydicom.pixels").apply_color_lut(pixels, data)
        bits = 8 * pixels.itemsize
    return np.asarray(pixels >> max(bits - 8, 0), dtype=np.uint8)


def _is_gray(data: Any) -> bool:
    palette = data.get("PhotometricInterpretation") == _PALETTE
    return int(data.get("SamplesPerPixel", 1)) == 1 and not palette


def _notes(data: Any) -> list[str]:
    notes = []
    if _is_gray(data):
        kind = "the window stored in each file" if _has_window(data) else "1st to 99th percentile"
        notes.append(f"DICOM: {kind}")
    if int(data.get("NumberOfFrames", 1) or 1) > 1:
        notes.append("several frames or pages: the first alone")
    return notes


def _has_window(data: Any) -> bool:
    edges = data.get("WindowCenter"), data.get("WindowWidth")
    return all(edge is not None and math.isfinite(_first(edge)) for edge in edges)


def _first(value: Any) -> float:
    return float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)


def _read(path: Path, *, pixels: bool) -> Any:
    return importlib.import_module("pydicom").dcmread(path, stop_before_pixels=not pixels)
