"""Grays of a DICOM file as it says they are shown, 8 bits: DICOM PS3.3, C.11.1 and C.11.2.

What a file says of its values stands in the file itself or, in those of several frames, in groups
that all frames share or that each has (C.7.6.16).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Float64: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
# Brings values (H, W) to 8 bits by those of them that count, all where that is None.
ByRange: TypeAlias = Callable[[npt.NDArray[np.generic], Bools | None], Bytes]

_WINDOW, _SCALE = "FrameVOILUTSequence", "PixelValueTransformationSequence"
_FRAME_GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
_SIGN = 1 << 15  # of 16 bits


@dataclass(frozen=True)
class _Window:
    center: float
    width: float
    function: str


def shown(data: Any, stored: npt.NDArray[Any], by_range: ByRange) -> Bytes:
    """Return the stored values (H, W) of the first frame as they are shown.

    By the file's window, the first of several, else by its lookup table, else by `by_range`. What
    the file says is padding is black, and counts for no range.
    """
    values = _modality(data, stored)
    padding = _padding(data, stored)
    window = _window(data)
    if window is not None:
        bright = _by_window(values, window)
    elif data.get("VOILUTSequence"):
        bright = _by_table(values, data.VOILUTSequence[0])
    else:
        bright = by_range(values, None if padding is None or padding.all() else ~padding)
    if _is_inverted(data):
        bright = 255 - bright
    return bright if padding is None else np.where(padding, np.uint8(0), bright)


def _is_inverted(data: Any) -> bool:
    """Whether the lowest values are the brightest; files that say so in both ways say it once."""
    is_first = data.get("PhotometricInterpretation") == "MONOCHROME1"
    return bool(is_first or data.get("PresentationLUTShape") == "INVERSE")


def how(data: Any) -> str:
    """Say by what the grays of a file come to 8 bits."""
    window = _window(data)
    if window is not None:
        several = np.size(_said(data, _WINDOW, "WindowCenter")) > 1
        return f"the window stored in each file{', the first of several' if several else ''}"
    has_table = bool(data.get("VOILUTSequence"))
    return "the lookup table stored in each file" if has_table else "1st to 99th percentile"


def _said(data: Any, group: str, name: str) -> Any:
    """Return what a file says of its first frame, None where it says nothing."""
    for groups in _FRAME_GROUPS:
        for frame in list(data.get(groups) or ())[:1]:
            for item in list(frame.get(group) or ())[:1]:
                if item.get(name) is not None:
                    return item.get(name)
    return data.get(name)


def _modality(data: Any, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return what was measured, which the stored values stand for."""
    if data.get("ModalityLUTSequence"):
        return _through_lookup_table(stored, data.ModalityLUTSequence[0])[0]
    slope, intercept = (_said(data, _SCALE, f"Rescale{name}") for name in ("Slope", "Intercept"))
    if slope is None and intercept is None:
        return stored
    factor = 1.0 if slope is None else _first(slope)
    offset = 0.0 if intercept is None else _first(intercept)
    if factor == 0 or not (math.isfinite(factor) and math.isfinite(offset)):
        raise ValueError(
            f"its values are rescaled by {factor:g} and {offset:g}, which says nothing"
        )
    return stored.astype(np.float64) * factor + offset


def _window(data: Any) -> _Window | None:
    """Return the first window, None where there is none that the standard gives a meaning."""
    center, width = (_said(data, _WINDOW, f"Window{name}") for name in ("Center", "Width"))
    if center is None or width is None:
        return None
    function = str(_said(data, _WINDOW, "VOILUTFunction") or "LINEAR").upper()
    window = _Window(_first(center), _first(width), function)
    if not (math.isfinite(window.center) and math.isfinite(window.width)):
        return None
    is_known = function in ("LINEAR", "LINEAR_EXACT", "SIGMOID")
    least = window.width >= 1 if function == "LINEAR" else window.width > 0
    return window if is_known and least else None


def _by_window(values: npt.NDArray[Any], window: _Window) -> Bytes:
    numbers = values.astype(np.float64)
    if window.function == "SIGMOID":
        steps = np.clip(-4 * (numbers - window.center) / window.width, -700, 700)
        return _to_bytes(255 / (1 + np.exp(steps)))
    center, width = window.center, window.width
    if window.function == "LINEAR":
        center, width = center - 0.5, width - 1
    low, high = center - width / 2, center + width / 2
    return _to_bytes((numbers - low) * (255 / max(high - low, 1e-12)))


def _by_table(values: npt.NDArray[Any], item: Any) -> Bytes:
    entries, bits = _through_lookup_table(values, item)
    return _to_bytes(entries * (255 / (2**bits - 1)))


def _through_lookup_table(values: npt.NDArray[Any], item: Any) -> tuple[Float64, int]:
    """Return what a table has for each value, and the bits of its entries.

    Values before its first entry get that one, values after its last entry that.
    """
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    if first >= _SIGN and values.min() < 0:
        first -= 2 * _SIGN  # the descriptor was read as one without a sign
    entries = _entries(item.LUTData, count or 2 * _SIGN)
    places = np.clip(np.rint(values.astype(np.float64)) - first, 0, len(entries) - 1)
    return entries[places.astype(np.int64)].astype(np.float64), bits


def _entries(content: Any, count: int) -> npt.NDArray[Any]:
    """Return the entries of a table, which come as numbers or bytes; those of 16 bits or of 8."""
    if not isinstance(content, bytes):
        return np.atleast_1d(np.asarray(content, dtype=np.int64))
    kind = np.uint8 if len(content) < 2 * count else np.uint16
    return np.frombuffer(content, kind)[:count]


def _padding(data: Any, stored: npt.NDArray[Any]) -> Bools | None:
    """Return where there is padding in place of an image, None where a file says nothing of it."""
    value = data.get("PixelPaddingValue")
    if value is None:
        return None
    limit = data.get("PixelPaddingRangeLimit")
    ends = sorted((int(value), int(value if limit is None else limit)))
    padding: Bools = (stored >= ends[0]) & (stored <= ends[1])
    return padding if padding.any() else None


def _to_bytes(bright: Float64) -> Bytes:
    return np.rint(np.clip(bright, 0, 255)).astype(np.uint8)


def _first(value: Any) -> float:
    has_several = hasattr(value, "__len__") and not isinstance(value, str)
    return float(value[0] if has_several else value)
