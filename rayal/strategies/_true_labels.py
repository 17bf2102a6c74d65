"""The true labels, for strategies that are declared as oracles."""

from __future__ import annotations

from rayal.contracts import Labels, Pool


def true_labels(pool: Pool) -> Labels:
    """Return the true labels (N,) of the pool.

    Raises:
        ValueError: the pool was given none.
    """
    if pool.true_labels is None:
        raise ValueError("this strategy reads the true labels, and the pool was given none")
    return pool.true_labels
