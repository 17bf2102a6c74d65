"""Chance: what every strategy is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import PositiveInt

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering
from rayal.kernels.ranking import round_robin
from rayal.strategies._true_labels import true_labels

DRAWS = 100_000  # draws before `cover_classes` gives up


def _check(params: Mapping[str, Any], N: int, encoder: Mapping[str, Any]) -> None:
    """Refuse two rules at once."""
    if params["cover_classes"] and params.get("stratify") is not None:
        raise ValueError("cover_classes and stratify exclude each other; give one")


@strategy(
    oracle=lambda params: bool(params["cover_classes"]),
    unit_length=lambda params: params.get("stratify") is not None,
    check=_check,
    added={"stratify"},
)
def random(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    cover_classes: bool = False,
    stratify: PositiveInt | Literal["budget"] | None = None,
) -> Indices:
    """Choose uniformly without replacement; budgets nest.

    cover_classes draws again until each class of the pool has a label, as HaCon's released code
    does for its random rows; this reads the true labels, and budgets no longer nest.

    stratify is the adapted chance that a strategy has to beat to be worth its name: clusters of the
    features take turns, in a shuffled order, and give an image at random each.

    Cost: O(N); with stratify that of k-means.

    Use: always, with many seeds: it is the baseline of every comparison.

    Source: all four papers; cover_classes is HaCon's released code.

    Args:
        pool: labels (N,); with cover_classes the true labels (N,).
        budget: B.
        rng: draws the images.
        cover_classes: draw until each class has a label.
        stratify: clusters K of unit-length features that take turns; budget: as many as B.

    Returns:
        (B,) positions.

    Raises:
        ValueError: with cover_classes, a budget below the number of classes without a label, or
            no draw that covers them.
    """
    if cover_classes:
        return _covering_draw(pool, budget, rng)
    shuffled = rng.permutation(pool.unlabeled)
    if stratify is None:
        return shuffled[:budget]
    K = budget if stratify == "budget" else stratify
    clusters, _ = clustering.kmeans(clustering.unit_rows(pool.features), K, rng)
    return round_robin(shuffled, clusters, rng.permutation(clusters.max() + 1))[:budget]


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
