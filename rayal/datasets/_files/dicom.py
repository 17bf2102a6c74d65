"""DICOM files as 8-bit gray or RGB, by pydicom (extra `dicom`)."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.datasets._files.dicom_grays import ByRange, Bytes, how, shown
from rayal.datasets._files.scan import is_image

_PALETTE = "PALETTE COLOR"  # gray by its one sample, colors by their tables
SUFFIXES = frozenset({".dcm", ".dicom", ".dic", ".ima"})
_PREAMBLE = 128  # bytes before the four letters that every DICOM file has


@dataclass(frozen=True)
class DicomHead:
    """What a file says of its image; notes: what is done to its values."""

    width: int
    height: int
    mode: str
    is_gray: bool
    notes: tuple[str, ...]


def is_dicom(path: Path) -> bool:
    """Whether a file is one by its suffix, or by its first bytes where that is no image's.

    Archives name files after their UIDs, such as 1.2.840.10008.5.1, which end as in a suffix.
    """
    suffix = path.suffix.lower()
    if suffix in SUFFIXES or is_image(path.name):
        return suffix in SUFFIXES
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
        _check_bits(data)
        return DicomHead(
            int(data.Columns), int(data.Rows), "DICOM", _is_gray(data), tuple(_notes(data))
        )


def read_pixels(path: Path, by_range: ByRange) -> Bytes:
    """Return the image (H, W) or (H, W, 3), the first frame of several.

    Gray values are brought to 8 bits as the file says (`dicom_grays`), else by `by_range`.

    Raises:
        ValueError: it is damaged, compressed in a way that is not read here, or pydicom is not
            installed.
    """
    with _refused_as("its pixels cannot be read"):
        data = _read(path, pixels=True)
        pixels = np.asarray(importlib.import_module("pydicom.pixels").pixel_array(data, index=0))
        return shown(data, pixels, by_range) if _is_gray(data) else _color(data, pixels)


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
        raise ValueError(f"{words}: {' '.join(str(error).split())}") from error


def _color(data: Any, pixels: npt.NDArray[Any]) -> Bytes:
    """Bring RGB, or places in a palette, to 8 bits; pydicom has brought YBR to RGB already."""
    bits = int(data.get("BitsStored", 8))
    if data.get("PhotometricInterpretation") == _PALETTE:
        pixels = importlib.import_module("pydicom.pixels").apply_color_lut(pixels, data)
        bits = _palette_bits(data)
    return np.asarray(pixels >> max(bits - 8, 0), dtype=np.uint8)


def _palette_bits(data: Any) -> int:
    """Return the bits of a palette's colors, which may be 8 where 16 are stated or stored."""
    colors = ("Red", "Green", "Blue")
    if any(f"{color}PaletteColorLookupTableData" not in data for color in colors):
        return 16  # segmented tables, which are of 16 bits
    stated = int(data.RedPaletteColorLookupTableDescriptor[2])
    tables = [bytes(data[f"{color}PaletteColorLookupTableData"].value) for color in colors]
    upper = (max(table[1::2], default=0) for table in tables)  # bytes of 16-bit entries
    return 16 if stated > 8 and any(upper) else 8


def _check_bits(data: Any) -> None:
    """Refuse values that do not stand in the lowest bits, which pydicom reads as if they did.

    Raises:
        ValueError: they do not.
    """
    stored, high = data.get("BitsStored"), data.get("HighBit")
    if stored is not None and high is not None and int(high) != int(stored) - 1:
        raise ValueError(
            f"its values of {stored} bits end at bit {high} of {data.get('BitsAllocated')}, and "
            "are read where they end at the one below their number: convert it"
        )


def _is_gray(data: Any) -> bool:
    palette = data.get("PhotometricInterpretation") == _PALETTE
    return int(data.get("SamplesPerPixel", 1)) == 1 and not palette


def _notes(data: Any) -> list[str]:
    notes = []
    if _is_gray(data):
        notes.append(f"DICOM: {how(data)}")
    elif data.get("PhotometricInterpretation") != _PALETTE and int(data.get("BitsStored", 8)) > 8:
        notes.append(f"DICOM: the upper 8 of {int(data.BitsStored)} bits a color")
    if int(data.get("NumberOfFrames", 1) or 1) > 1:
        notes.append("several frames or pages: the first alone")
    return notes


def _read(path: Path, *, pixels: bool) -> Any:
    return importlib.import_module("pydicom").dcmread(path, stop_before_pixels=not pixels)
