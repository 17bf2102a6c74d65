"""DICOM files as 8-bit gray or RGB, by pydicom (extra `dicom`)."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

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
    data = _read(path, pixels=False)
    if "Rows" not in data or "Columns" not in data:
        raise ValueError("it is a DICOM without an image")
    gray = int(data.get("SamplesPerPixel", 1)) == 1
    return DicomHead(int(data.Columns), int(data.Rows), "DICOM", gray, tuple(_notes(data)))


def read_pixels(path: Path, window: Window) -> Bytes:
    """Return the image (H, W) or (H, W, 3), the first frame of several.

    Gray values are brought to 8 bits by the window that the file stores (its first), else by
    `window`; where white is stored as the lowest value it is turned round.

    Raises:
        ValueError: it is damaged, compressed in a way that is not read here, or pydicom is not
            installed.
    """
    data = _read(path, pixels=True)
    try:
        pixels = np.asarray(data.pixel_array)
    except Exception as error:  # its decoders raise whatever damaged bytes lead to
        raise ValueError(f"its pixels cannot be read: {error}") from error
    if int(data.get("NumberOfFrames", 1) or 1) > 1:
        pixels = pixels[0]
    if int(data.get("SamplesPerPixel", 1)) > 1:
        return _color(data, pixels)
    shown = _gray(data, pixels, window)
    return 255 - shown if data.get("PhotometricInterpretation") == "MONOCHROME1" else shown


def _gray(data: Any, pixels: npt.NDArray[Any], window: Window) -> Bytes:
    processing = importlib.import_module("pydicom.pixels")
    values = np.asarray(processing.apply_modality_lut(pixels, data))
    if not _has_window(data):
        return window(values)
    center, width = _first(data.WindowCenter), max(_first(data.WindowWidth), 1.0)
    low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    scaled = (values.astype(np.float64) - low) * (255 / max(high - low, 1e-12))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _color(data: Any, pixels: npt.NDArray[Any]) -> Bytes:
    processing = importlib.import_module("pydicom.pixels")
    meaning = str(data.get("PhotometricInterpretation", "RGB"))
    if meaning.startswith("YBR") and pixels.dtype == np.uint8:
        pixels = processing.convert_color_space(pixels, meaning, "RGB")
    bits = int(data.get("BitsStored", 8))
    return np.asarray(pixels >> max(bits - 8, 0), dtype=np.uint8)


def _notes(data: Any) -> list[str]:
    notes = []
    if int(data.get("SamplesPerPixel", 1)) == 1:
        kind = "the window stored in each file" if _has_window(data) else "1st to 99th percentile"
        notes.append(f"DICOM: {kind}")
    if int(data.get("NumberOfFrames", 1) or 1) > 1:
        notes.append("several frames or pages: the first alone")
    return notes


def _has_window(data: Any) -> bool:
    return data.get("WindowCenter") is not None and data.get("WindowWidth") is not None


def _first(value: Any) -> float:
    return float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)


def _read(path: Path, *, pixels: bool) -> Any:
    pydicom = _pydicom()
    try:
        return pydicom.dcmread(path, stop_before_pixels=not pixels)
    except Exception as error:  # it raises whatever damaged bytes lead to
        raise ValueError(f"it cannot be read as DICOM: {error}") from error


def _pydicom() -> ModuleType:
    try:
        return importlib.import_module("pydicom")
    except ModuleNotFoundError as error:
        raise ValueError(
            "it is DICOM, which is read where pydicom is installed: pip install 'rayal[dicom]'"
        ) from error
