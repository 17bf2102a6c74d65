"""The leading eigenvectors of a large symmetric matrix that is known by its products alone.

Block Lanczos with full reorthogonalization (Golub and Underwood 1977): a block of random directions
is multiplied again and again, and the matrix is diagonalized in the space of all products so far
(Rayleigh and Ritz). Each product costs what a step of the power method costs, and all of them are
used. It ends when no wanted eigenvector is off by more than TOLERANCE, or when the products span
all that the matrix does not map to zero, where the answer is exact.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

TOLERANCE = 1e-9  # of |A v - value v|, as a part of the largest eigenvalue
EXTRA = 32  # directions of a block beyond those that are wanted, so that the last are found soon
NOTHING = 1e-11  # part of the largest eigenvalue below which a new direction does not count


def leading_eigenvectors(
    times: Callable[[Float64], Float64], size: int, count: int, rng: np.random.Generator
) -> tuple[Float64, Float64]:
    """Return the largest eigenvalues (K,), falling, and their vectors (size, K).

    Args:
        times: returns A X (size, b) of X (size, b), for a symmetric A without negative eigenvalues.
        size: of A.
        count: K, at most its size.
        rng: draws the first directions.
    """
    first = rng.normal(size=(size, min(size, count + EXTRA)))
    block, _ = np.linalg.qr(first)
    basis, inside = np.empty((size, 0)), np.empty((0, 0))
    while True:
        basis = np.hstack([basis, block])
        image = times(block)
        part = _orthogonalized(image, basis)
        inside = _grown(inside, part)
        most = min(count, len(inside))
        values, vectors = _largest(inside, most)
        outside, scales, mixed = np.linalg.svd(image, full_matrices=False)
        missing = (scales[:, None] * mixed) @ vectors[-block.shape[1] :]
        new = scales > NOTHING * values[-1]
        if np.linalg.norm(missing, axis=0).max() <= TOLERANCE * values[-1] or not new.any():
            return values[::-1], (basis @ vectors)[:, ::-1]
        block = outside[:, new]
        _orthogonalized(block, basis)  # again: what was a small part of the image is large now
        block, _ = np.linalg.qr(block)


def _largest(matrix: Float64, count: int) -> tuple[Float64, Float64]:
    """Return the largest eigenvalues (count,), rising, of a symmetric matrix, and their vectors."""
    from scipy.linalg import eigh  # here, so that the help of a command does not wait for SciPy

    size = len(matrix)
    values, vectors = eigh(matrix, subset_by_index=(size - count, size - 1))
    if len(values) < count:  # LAPACK has lost some that are nearly alike, in SciPy up to 1.15
        values, vectors = (part[..., size - count :] for part in eigh(matrix))
    return values, vectors


def _orthogonalized(image: Float64, basis: Float64) -> Float64:
    """Take what lies in the basis out of the image, twice for rounding; return it, (m, b)."""
    part = basis.T @ image
    image -= basis @ part
    again = basis.T @ image
    image -= basis @ again
    return np.asarray(part + again)


def _grown(inside: Float64, part: Float64) -> Float64:
    """Return the matrix (m, m) inside the basis with the columns (m, b) of its last block."""
    m, b = part.shape
    grown = np.zeros((m, m))
    grown[: m - b, : m - b] = inside
    grown[:, m - b :] = part
    grown[m - b :] = part.T
    return grown
