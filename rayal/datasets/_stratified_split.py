"""A split with equal class shares: scikit-learn's, without its import, which takes a second."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.contracts import Indices, Labels


def stratified_split(labels: Labels, test_size: int, seed: int) -> tuple[Indices, Indices]:
    """Split images at random, each class in the same proportion.

    The same images as `sklearn.model_selection.train_test_split(stratify=labels)` draws, so that a
    dataset that was split by that stays what it is.

    Args:
        labels: (N,) classes 0 to C - 1, none without images.
        test_size: images set apart for the test.
        seed: of NumPy's legacy generator, whose numbers are the same in all versions.

    Returns:
        Indices of the train set and of the test set, each ascending.
    """
    rng = np.random.RandomState(seed)
    counts = np.bincount(labels)
    of_train = _shares(counts, len(labels) - test_size, rng)
    _shares(counts - of_train, test_size, rng)  # all that is left; it draws to break ties
    in_train = np.zeros(len(labels), bool)
    for k, count in enumerate(counts):
        order = rng.permutation(count)
        in_train[np.flatnonzero(labels == k)[order[: of_train[k]]]] = True
    return np.flatnonzero(in_train), np.flatnonzero(~in_train)


def _shares(counts: Indices, total: int, rng: np.random.RandomState) -> Indices:
    """Divide a total among classes by their counts (C,), largest remainders first: (C,)."""
    exact = counts / counts.sum() * total
    shares: npt.NDArray[np.float64] = np.floor(exact)
    remainders, left = exact - shares, int(total - shares.sum())
    for remainder in np.unique(remainders)[::-1]:
        if left == 0:
            break
        tied = np.flatnonzero(remainders == remainder)
        rounded_up = rng.choice(tied, min(len(tied), left), replace=False)
        shares[rounded_up] += 1
        left -= len(rounded_up)
    return shares.astype(np.int64)
