"""Chance: what every strategy is compared with."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Indices, Pool, strategy
from rayal.strategies._true_labels import true_labels

DRAWS = 100_000  # draws before `cover_classes` gives up


@strategy(oracle=lambda given: bool(given["cover_classes"]))
def random(
    pool: Pool, budget: int, rng: np.random.Generator, *, cover_classes: bool = False
) -> Indices:
    """Choose uniformly without replacement; budgets nest.

    cover_classes draws again until each class of the pool has a label, as HaCon's released code
    does for its random rows; this reads the true labels, and budgets no longer nest.

    Cost: O(N).

    Use: always, with many seeds: it is what everything is compared with.

    Source: all four papers; cover_classes is HaCon's released code.

    Args:
        pool: labels (N,); with cover_classes the true labels (N,).
        budget: B.
        rng: draws the images.
        cover_classes: draw until each class has a label.

    Returns:
        (B,) positions.

    Raises:
        ValueError: with cover_classes, a budget below the number of classes without a label, or
            no draw that covers them.
    """
    if cover_classes:
        return _covering_draw(pool, budget, rng)
    return rng.permutation(pool.unlabeled)[:budget]


def _covering_draw(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    truth = true_labels(pool)
    missing = np.setdiff1d(truth[pool.unlabeled], pool.labels[pool.labeled])
    if len(missing) > budget:
        raise ValueError(
            f"random with cover_classes: {len(missing)} classes have no label, and a budget of "
            f"{budget} cannot cover them; raise the budget or set cover_classes: false"
        )
    for _ in range(DRAWS):
        chosen = rng.choice(pool.unlabeled, budget, replace=False)
        if np.isin(missing, truth[chosen]).all():
            return chosen
    raise ValueError(
        f"random with cover_classes: none of {DRAWS:,} draws of {budget} images covered the "
        f"{len(missing)} classes without a label; raise the budget or set cover_classes: false"
    )
