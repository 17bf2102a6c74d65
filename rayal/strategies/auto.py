"""The recommended way to choose: what the measurements of docs/evidence.md speak for."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Features, Indices, Pool, strategy
from rayal.kernels import clustering, uncertainty
from rayal.kernels.feature_transform import FlatFeaturesError, fit_transform
from rayal.kernels.last_results import keeps_last_results
from rayal.strategies._cluster_representatives import SAMPLED, cluster_representatives
from rayal.strategies._collapse import choose_collapsed
from rayal.strategies._herding_width import mean_distance_to_nearest
from rayal.strategies._large_pools import is_approximate
from rayal.strategies._predictions import checked, measured
from rayal.strategies._smooth_cover import smooth_cover

EVIDENCE = "4"  # version of docs/evidence.md that the rule stands on; no part of trials' ids
COMPONENTS = 64
OF_PIXELS = 16  # components of bare pixels: what follows is mostly noise, which whitening enlarges
NEAR_IDENTICAL = 0.98  # cosine of half-whitened components from which one image stands for another
RESTARTS = 5


@strategy(unit_length=True, blockwise=True)
def auto(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Choose as this project recommends, following version 4 of its evidence.

    Features become unit-length, half-whitened principal components: 64 of a network's, 16 of bare
    pixels, where the encoder says that they are such. Without predictions of near-identical images
    (a cosine of .98) one is kept, but for pixels; the images are clustered into K = B, and the one
    nearest to each center is taken, largest cluster first. With predictions the images are taken
    that cover the uncertain part of the pool best, as `uherding` does, but as widely as labeled
    images lie apart: the width is their mean distance to the nearest other one. Where an image may
    have several classes, the mean of their uncertainties counts. Beyond 200,000 images
    near-identical ones are looked for inside of cells of near images, and the rest is approximate
    as in `kmeans` and `uherding`.

    Cost: the components once, O(N D^2 + D^3), or some 700 N D beyond 2,048 dimensions; the first
    query O(N^2) once and k-means of 64 dimensions; later queries O(N^2) a query. Beyond 200,000
    images linear in N.

    Use: by default, unless you have a reason for another strategy: no cell of the evidence was lost
    to random selection, and no other strategy gained more on average over first or later queries.

    Source: `docs/evidence.md`, version 4; covering, Bae et al. 2025 (Uncertainty Herding).

    Args:
        pool: its features (N, D), and the predictions if there are any.
        budget: B.
        rng: seeds the initial centers.

    Returns:
        (B,) positions, best first.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    features = _half_whitened(pool.features, OF_PIXELS if pool.bare_pixels else COMPONENTS)
    if pool.predictions is None:
        near_identical = None if pool.bare_pixels else NEAR_IDENTICAL
        pool = Pool(features, pool.labels, pool.num_classes)
        return _nearest_to_centers(pool, budget, rng, near_identical)
    uncertain = 1 + measured(pool, checked(pool.probs), uncertainty.negative_margin, "mean")
    width = mean_distance_to_nearest(features[pool.labeled])
    pool = Pool(features, pool.labels, pool.num_classes)
    return smooth_cover("auto", pool, budget, rng, width, uncertain, unit=False)


def _nearest_to_centers(
    pool: Pool, budget: int, rng: np.random.Generator, near_identical: float | None
) -> Indices:
    """Return the image nearest to each of K = B centers, near-identical images once."""

    def choose(pool: Pool, budget: int) -> Indices:
        return cluster_representatives(
            pool.features,
            pool.unlabeled,
            budget,
            rng,
            normalize=False,
            restarts=RESTARTS,
            approximate=is_approximate("auto", len(pool.unlabeled), SAMPLED),
        )

    return choose_collapsed(pool, budget, rng, near_identical, choose)


@keeps_last_results
def _half_whitened(features: Features, components: int) -> Features:
    """Return unit-length, half-whitened principal components (N, K), of unit length again."""
    try:
        return fit_transform(features, {"unit": True, "half_whiten": components})(features)
    except FlatFeaturesError:
        return clustering.unit_rows(features)
