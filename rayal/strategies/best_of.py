"""A bar: of many batches, the one whose true labels make the best learner (BoSS)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, PositiveInt

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering, uncertainty
from rayal.kernels.seeding import gradient_k_means_pp
from rayal.strategies._cluster_representatives import cluster_representatives

SUB_POOL = 2500, 5000  # images that a batch is proposed from, as in the paper


@strategy(oracle=True)
def best_of(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    batches: Annotated[int, Field(ge=2, le=10_000)] = 100,
    sub_pool: PositiveInt | None = None,
) -> Indices:
    """Choose, of many proposed batches, the one that gives the best learner on the test set.

    Each batch is proposed from a random part of the pool: by chance, by k-means with K = B, and,
    where there are predictions, by the smallest margins and by BADGE's k-means++ on gradients, in
    turn. The learner is trained with each batch's true labels, all batches at once where it can.
    The best by mean per-class accuracy on the test set is taken, of equal ones the one with the
    higher area under the ROC curve, then the first. It reads the labels of the pool and of the test
    set: it is not a competitor, but shows how much can be gained by choosing. It is a bar, not a
    bound: what proposes batches otherwise, or is judged by another measure, can be better.

    Cost: one training and prediction of the test set for each batch; k-means on parts of the pool.

    Use: as a bar in a learning curve, not a bound: the best of many batches proposed by chance,
    k-means, margin and BADGE, by mean per-class accuracy.

    Source: BoSS, arXiv 2603.13109.

    Args:
        pool: its features (N, D), predictions if there are any, and the scores of batches.
        budget: B.
        rng: draws the parts of the pool, and inside them.
        batches: that are proposed.
        sub_pool: images of each part; None: from 2,500 to 5,000, by chance.

    Returns:
        (B,) positions.

    Raises:
        ValueError: outside a trial, where nothing says how good a batch is.
    """
    if pool.score_batches is None:
        raise ValueError("best_of trains the learner with each batch's true labels: use a sweep")
    ways = (
        [_chance, _clusters] if pool.predictions is None else [_chance, _clusters, _margin, _badge]
    )
    proposed = []
    for number in range(batches):
        size = int(rng.integers(SUB_POOL[0], SUB_POOL[1] + 1)) if sub_pool is None else sub_pool
        part = np.sort(rng.permutation(pool.unlabeled)[: max(size, budget)])
        proposed.append(ways[number % len(ways)](pool, part, budget, rng))
    scores = pool.score_batches(proposed)
    return proposed[max(range(batches), key=lambda i: (*scores[i], -i))]


def _chance(pool: Pool, part: Indices, budget: int, rng: np.random.Generator) -> Indices:
    return rng.permutation(part)[:budget]


def _clusters(pool: Pool, part: Indices, budget: int, rng: np.random.Generator) -> Indices:
    return cluster_representatives(pool.features, part, budget, rng, normalize=True, restarts=1)


def _margin(pool: Pool, part: Indices, budget: int, rng: np.random.Generator) -> Indices:
    margins = -uncertainty.negative_margin(pool.probs[part].astype(np.float64))
    return part[np.argsort(margins, kind="stable")[:budget]]


def _badge(pool: Pool, part: Indices, budget: int, rng: np.random.Generator) -> Indices:
    probs = pool.probs[part].astype(np.float32)
    probs[np.arange(len(part)), probs.argmax(axis=1)] -= 1
    hidden = clustering.unit_rows(pool.features, part)
    return part[gradient_k_means_pp(hidden, probs, budget, rng)]
