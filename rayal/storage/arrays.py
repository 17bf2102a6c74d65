"""Arrays as .npy files: written so that a full disk is noticed, read memory-mapped."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt


def map_array(path: Path) -> npt.NDArray[Any]:
    """Open an array memory-mapped and read-only.

    Raises:
        OSError, ValueError, EOFError: it is not there, or damaged.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ValueError(f"{path.name} is no plain file")
    array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array of any shape as np.save does; OSError says that the disk is full."""
    with path.open("wb") as file:
        np.lib.format.write_array(_Sink(file), array, allow_pickle=False)


def write_stack(path: Path, array: npt.NDArray[np.float32]) -> None:
    """Write (A, N, D) as np.save would, one of the A parts in memory at a time."""
    header = {"descr": "<f4", "fortran_order": False, "shape": array.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in array:
            file.write(np.ascontiguousarray(part, dtype="<f4").data)


class _Sink:
    """A file as NumPy does not know it: told to write itself to one, it forgets why that failed."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write
