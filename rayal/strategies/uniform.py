"""Chance with equal classes: the bound on what balance alone can give."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels.ranking import round_robin
from rayal.strategies._true_labels import true_labels


@strategy(oracle=True)
def uniform(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Choose the same number of images of each true class.

    A remainder goes to random classes, what a small class lacks to the others; budgets nest.

    Cost: O(N).

    Use: to see how much balance alone can improve.

    Source: HaCon; Pourahmadi et al. (low-budget paper).

    Args:
        pool: labels (N,) and true labels (N,).
        budget: B.
        rng: shuffles the images, and the order of the classes.

    Returns:
        (B,) positions, the classes in turn.
    """
    shuffled = rng.permutation(pool.unlabeled)
    classes = rng.permutation(pool.num_classes)
    return round_robin(shuffled, true_labels(pool), classes)[:budget]
