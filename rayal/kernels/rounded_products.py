"""Inner products in bfloat16, twice as fast as in float32, to exclude most pairs of points.

Rounding a point x to b leaves e = x - b. Then |x.c - b_x.b_c| <= |e_x| |c| + |b_x| |e_c|, so that a
product below a limit by more than this cannot belong to two near points. What is not excluded is
decided otherwise, and no answer depends on the rounding. For points of about one length alone.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rayal.kernels.balls import Balls
from rayal.kernels.gemm_distances import UNIT_ROUNDOFF, chunks

if TYPE_CHECKING:
    import torch

Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

WORTH_TORCH = 1 << 38  # N^2 D, from which what is saved is more than PyTorch's import
FEW = 1 / 500  # of all pairs: where more are left, looking at each takes longer than was saved
LENGTHS = 1e-3  # by which points may differ in length


@dataclass(frozen=True, eq=False)
class RoundedProducts:
    """points (N, D) in bfloat16; lowest: the bits of the least product of two near points."""

    points: torch.Tensor
    lowest: np.int16

    def near(self, rows: slice, columns: slice) -> tuple[Int64, Int64]:
        """Return positions (n,) and (n,) of all pairs of rows and columns that may be near."""
        products = self.points[rows] @ self.points[columns].T
        # Positive numbers are ordered as their bits, and negative ones have negative bits.
        maybe: Bool = products.view(_int16()).numpy() >= self.lowest
        first, second = np.divmod(_true_positions(maybe), maybe.shape[1])
        return rows.start + first, columns.start + second


def rounded_products(balls: Balls, sample: Int64) -> RoundedProducts | None:
    """Return the products of the points; None where float32 is as fast.

    Args:
        balls: their points (N, D) and radius.
        sample: positions (n,) by which the share of pairs that are not excluded is estimated.
    """
    points = balls.points
    N, D = points.shape
    if N**2 * D < WORTH_TORCH or not _has_bfloat16():
        return None
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        rounded = torch.from_numpy(points).bfloat16()
    limit = _lowest_product(balls, rounded)
    if limit <= 0:
        return None
    bits = np.array(limit, dtype=np.float32).view(np.uint32) >> 16  # the bfloat16 below it
    products = RoundedProducts(rounded, np.int16(bits))
    few = RoundedProducts(rounded[torch.from_numpy(sample)], products.lowest)
    left = len(few.near(slice(0, len(sample)), slice(0, len(sample)))[0]) - len(sample)
    return products if left <= FEW * len(sample) ** 2 else None


def _lowest_product(balls: Balls, rounded: torch.Tensor) -> float:
    """Return what no computed product of two near points is below; 0 for uneven lengths.

    |x - c|^2 < r^2 where x.c > (|x|^2 + |c|^2 - r^2) / 2.
    """
    lengths, errors, kept = [], [], []
    for rows in chunks(len(balls.points)):
        exact = balls.points[rows].astype(np.float64)
        near = rounded[rows].double().numpy()
        lengths.append(_lengths(exact))
        errors.append(_lengths(exact - near))
        kept.append(_lengths(near))
    length = np.concatenate(lengths)
    least, most = float(length.min()), float(length.max())
    if least < (1 - LENGTHS) * most:
        return 0.0
    off = max(each.max() for each in errors) * (most + max(each.max() for each in kept))
    sums = (balls.points.shape[1] + 8) * UNIT_ROUNDOFF * 4 * most**2
    return float(least**2 - balls.squared_radius / 2 - off - sums)


def _lengths(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.sqrt(np.einsum("nd,nd->n", points, points)))


def _true_positions(values: Bool) -> Int64:
    """Return the flat positions of the few that are true, eight values at a time."""
    flat = values.ravel()
    of_eights = len(flat) // 8 * 8
    groups = np.flatnonzero(flat[:of_eights].view(np.uint64) != 0)  # 7 x as fast as on integers
    places = (groups[:, None] * 8 + np.arange(8)).ravel()
    rest = of_eights + np.flatnonzero(flat[of_eights:])
    return np.concatenate([places[flat[places]], rest]).astype(np.int64)


def _has_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 itself: without, it is slower."""
    import torch

    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def _int16() -> torch.dtype:
    import torch

    return torch.int16
