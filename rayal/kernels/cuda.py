"""The inner step of greedy k-center in torch, for large matrices on a CUDA device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Float32 = npt.NDArray[np.float32]

WORTH_MOVING = 1 << 26  # numbers in a matrix; below, a processor ends before the data are there
DEVICE_FILES = "/dev/nvidiactl", "/dev/dxg"  # one is there where a process can use CUDA
ROOM = 1.25  # times the matrix must be free on the device: the matrix, and blocks of differences
BLOCK_NUMBERS = 1 << 24  # worked on at once


def worthwhile_device(rows: int, width: int) -> str | None:
    """Return "cuda" where there is such a device, with room for a large (N, D) matrix."""
    # torch takes seconds and 200 MB to import, which nothing here needs without a device.
    if rows * width < WORTH_MOVING or not any(Path(file).exists() for file in DEVICE_FILES):
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    free, _ = torch.cuda.mem_get_info()
    return "cuda" if free >= ROOM * 4 * rows * width else None


class TorchCover:
    """Squared distances of N points to the nearest center, kept on a torch device.

    Ties go to the lowest position.
    """

    def __init__(self, points: Float32, uncovered: Float32, device: str, taken: float) -> None:
        import torch

        self._points: torch.Tensor = torch.tensor(points, device=device)
        self._uncovered: torch.Tensor = torch.tensor(uncovered, device=device)
        self._taken = taken
        self._rows = max(1, BLOCK_NUMBERS // points.shape[1])

    def farthest(self) -> int:
        return int(self._uncovered.argmax())

    def add(self, center: int) -> int:
        """Return the farthest point once the distances to this center are counted."""
        self._uncovered[center] = self._taken
        for start in range(0, len(self._points), self._rows):
            rows = slice(start, start + self._rows)
            away = (self._points[rows] - self._points[center]).square_().sum(dim=1)
            self._uncovered[rows] = away.minimum(self._uncovered[rows])
        return self.farthest()
