"""Choosing after near-identical images were collapsed: the parameter `collapse` of strategies."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import Field

from rayal.contracts import Features, Indices, Labels, Pool
from rayal.kernels import clustering
from rayal.kernels.last_results import keeps_last_results
from rayal.kernels.near_duplicates import representatives, representatives_in_cells
from rayal.kernels.ranking import pad_to_budget
from rayal.kernels.rows import Rows
from rayal.label_arrays import without_labels
from rayal.strategies import _large_pools

Cosine: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
FEW = 0.25  # part of the images, below which those that stand for all are few


def choose_collapsed(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    cosine: float | None,
    choose: Callable[[Pool, int], Indices],
) -> Indices:
    """Return (B,) positions by a strategy that sees one image of each bundle.

    A bundle is an image and its neighbors (`rayal.kernels.near_duplicates`); it has a label when
    one of its images has. Beyond 200,000 images bundles are looked for inside of cells of near
    images alone. Where B is larger than the number of bundles without one, others of the
    unlabeled images follow at random. Warns where bundles are fewer than a quarter of the images.

    Args:
        pool: its features (N, D) and labels (N,); all else is left out.
        budget: B.
        rng: draws what follows the bundles.
        cosine: from which on images are neighbors; None collapses nothing.
        choose: (pool, budget) -> positions.
    """
    if cosine is None:
        return choose(pool, budget)
    standing = _standing(pool.features, cosine)
    kept = np.unique(standing)
    _warn_if_few(len(kept), len(standing), cosine)
    labels = _labels_of_bundles(pool, standing)[kept]
    few = Pool(pool.features[kept], labels, pool.num_classes)
    count = min(budget, len(few.unlabeled))
    chosen = kept[choose(few, count)] if count else kept[:0]
    if count == budget:
        return chosen
    return pad_to_budget(chosen, rng.permutation(pool.unlabeled), budget)


def _warn_if_few(bundles: int, N: int, cosine: float) -> None:
    """Warn where nearly all images are near-identical: such features may not tell them apart."""
    if bundles < FEW * N:
        warnings.warn(
            f"{N - bundles:,} of {N:,} images are near-identical to others (cosine of the features "
            f"at least {cosine:g}), so only the remaining {bundles:,} are chosen from; if the "
            "images differ, these features do not tell them apart: give a higher collapse, or none",
            stacklevel=3,
        )


@keeps_last_results
def _standing(features: Features, cosine: float) -> Indices:
    """Return for each image (N,) the one that stands for it."""
    if len(features) > _large_pools.LARGE:
        return representatives_in_cells(Rows(features, unit=True), cosine)
    return representatives(clustering.unit_rows(features), cosine)


def _labels_of_bundles(pool: Pool, standing: Indices) -> Labels:
    """Return labels of the pool's shape: of an image that stands for others, its bundle's first."""
    labels = without_labels(pool.labels)
    first_last = pool.labeled[::-1]
    labels[standing[first_last]] = pool.labels[first_last]
    return labels
