"""Covering the pool with balls around labeled images (ProbCover)."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from rayal.contracts import Features, Indices, Pool, strategy
from rayal.kernels import ball_cover, clustering
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_ball_cover import sampled_ball_cover, sampled_pure_radius
from rayal.kernels.sampled_clustering import sampled_kmeans
from rayal.strategies._collapse import Cosine, choose_collapsed
from rayal.strategies._large_pools import is_approximate

SAMPLED = "balls are those of a sample of the images"


@strategy(unit_length=True, geometric=True, blockwise=True, added={"collapse", "exact"})
def probcover(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    delta: PositiveFloat | Literal["auto"] = "auto",
    collapse: Cosine | None = None,
    exact: bool = False,
) -> Indices:
    """Choose, one after another, the image with most uncovered images closer than delta.

    Yehuda et al., "Active Learning Through a Covering Lens", NeurIPS 2022. Distances of
    unit-length features; what is closer than delta to a label or a choice is covered. Ties go to
    the lowest position, as in the released code; warns where the last balls cover one more image
    each, of which there are many. When all is covered, the image farthest from all labeled and
    chosen ones follows, as in `k_center`. The released code drops the last N mod 500 images; here
    none is.

    With a number for delta budgets nest. Beyond 200,000 images the choice is among 65,536 drawn
    ones and counts 65,536 drawn ones, and ties go by chance; `rayal.kernels.sampled_ball_cover` has
    the bound.

    Cost: O(N^2 D) time by definition, O(N) memory and up to 0.5 GB for the pairs closer than delta,
    kept where they are fewer than 34 million; beyond 200,000 images 65,536 x 65,536 D.

    Use: for the first queries, if delta fits the features.

    Source: Yehuda et al. 2022.

    Args:
        pool: its features (N, D).
        budget: B.
        rng: seeds the pseudo-labels and draws the balls looked at for "auto", and the images of the
            approximate form.
        delta: radius, up to 2; "auto" is the largest whose balls are pure for 95 % of the images,
            pseudo-labels being k-means clusters, as many as classes (section 3.2 of the paper).
        collapse: cosine of the features from which on images are near-identical: one stands for
            its neighbors, the one with the most first. None keeps all.
        exact: take the exact form at any size.

    Returns:
        (B,) positions, in the order of the choice.

    Raises:
        ValueError: delta is "auto" and no class is known.
    """

    def choose(pool: Pool, budget: int) -> Indices:
        if is_approximate("probcover", len(pool.features), SAMPLED, exact=exact):
            return _among_many(pool, budget, delta, rng)
        features = clustering.unit_rows(pool.features)
        radius = _pure_radius(features, pool.num_classes, rng) if delta == "auto" else delta
        picks = ball_cover.greedy_ball_cover(features, pool.labeled, budget, radius, rng)
        _warn_if_alone(Rows(features), pool.labeled, int(picks[0]), radius)
        return picks

    return choose_collapsed(pool, budget, rng, collapse, choose)


def _among_many(
    pool: Pool, budget: int, delta: float | Literal["auto"], rng: np.random.Generator
) -> Indices:
    rows = Rows(pool.features, unit=True)
    if delta == "auto":
        _check_classes(pool.num_classes)
        clusters = sampled_kmeans(rows, pool.num_classes, rng)
        delta = sampled_pure_radius(rows, clusters.of, rng)
    picks = sampled_ball_cover(rows, pool.labeled, budget, delta, rng)
    _warn_if_alone(rows, pool.labeled, int(picks[0]), delta)
    return picks


def _warn_if_alone(rows: Rows, labeled: Indices, first: int, radius: float) -> None:
    """Warn where the fullest ball holds nothing but its center, so that all choices are as good.

    Not where there are labels: what they cover may be all that is near to anything.
    """
    nearest = np.inf if len(labeled) else ball_cover.distance_to_nearest(rows, first)
    if radius <= nearest < np.inf:
        warnings.warn(
            f"probcover: no image is closer than delta={radius:g} to another (the first choice's "
            f"nearest is {nearest:.3g} away), so each covers itself alone and the choice is "
            "arbitrary; give a larger delta",
            stacklevel=3,
        )


def _pure_radius(features: Features, num_classes: int, rng: np.random.Generator) -> float:
    _check_classes(num_classes)
    clusters, _ = clustering.kmeans(features, num_classes, rng)
    return ball_cover.pure_radius(features, clusters, rng)


def _check_classes(num_classes: int) -> None:
    if num_classes < 1:
        raise ValueError(
            "probcover with delta: auto makes as many clusters as there are classes, and none "
            "is known; give a number for delta, such as 0.5"
        )
