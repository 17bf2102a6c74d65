"""Choosing images that stand for the others: k-means (low-budget paper) and greedy k-center."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field, PositiveInt
from typing_extensions import NotRequired, TypedDict

from rayal.contracts import Features, Indices, Pool, strategy
from rayal.kernels import clustering
from rayal.kernels.covering import balanced_k_center, greedy_k_center
from rayal.scores import STRICT, lacking

Space: TypeAlias = Literal["features", "hidden"]


@strategy()
def kmeans(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    normalize: bool = True,
    restarts: PositiveInt = 5,
) -> Indices:
    """Cluster the unlabeled images into K = B; choose the one nearest to each center.

    Largest cluster first. Where fewer than B images are distinct, duplicates make up the number,
    lowest position first.

    Cost: O(N D B) a step, 20 steps, 5 restarts.

    Use: for the first query: with few labels the hardest to beat.

    Source: Pourahmadi et al. 2021 (low-budget paper).

    Args:
        pool: its features (N, D) are clustered.
        budget: B.
        rng: seeds the initial centers.
        normalize: scale features to unit length, as the released code does.
        restarts: initializations of which the best is kept; the released code has 5.
    """
    return _one_of_each_cluster(pool.features, pool.unlabelled, budget, rng, (normalize, restarts))


@strategy()
def multi_kmeans(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    normalize: bool = True,
    restarts: PositiveInt = 5,
) -> Indices:
    """Cluster the whole pool into K = B; choose the unlabeled image nearest to each center.

    Largest cluster first. Clusters whose members are all labeled are passed over, so that what is
    labeled is not asked for again; the unlabeled rest is then clustered into as many as are
    missing (the released code asks for fewer instead). Before the first label this is `kmeans`.

    Cost: O(N D B) a step, 20 steps, 5 restarts.

    Use: for several queries with few labels each.

    Source: Pourahmadi et al. 2021 (low-budget paper).

    Args:
        pool: its features (N, D) are clustered.
        budget: B, the increment of this round.
        rng: seeds the initial centers.
        normalize: scale features to unit length, as the released code does.
        restarts: initializations of which the best is kept; the released code has 5.
    """
    left = pool.unlabelled
    features = _rows(pool.features, np.arange(len(pool.features)), normalize)
    clusters, centers = clustering.kmeans(features, budget, rng, restarts=restarts)
    sizes = np.bincount(clusters)
    open_clusters, own = np.unique(clusters[left], return_inverse=True)
    nearest = clustering.nearest_to_centers(features[left], own, centers[open_clusters])
    chosen: Indices = left[nearest[np.argsort(-sizes[open_clusters], kind="stable")]]
    missing = budget - len(chosen)
    if missing == 0:
        return chosen
    rest = np.setdiff1d(left, chosen)
    more = _one_of_each_cluster(pool.features, rest, missing, rng, (normalize, restarts))
    return np.concatenate([chosen, more])


# As a call: no class body can hold a field named lambda.
GreedyBalance = TypedDict(
    "GreedyBalance",
    {
        "lambda": Annotated[float, Field(ge=0, allow_inf_nan=False)],
        "divided_by_classes": NotRequired[bool],
    },
)
GreedyBalance.__pydantic_config__ = STRICT  # type: ignore[attr-defined]


def _reads(given: Mapping[str, object]) -> set[str]:
    hidden = {"hidden"} if given["space"] == "hidden" else set()
    return hidden | ({"predictions"} if given["class_balanced"] else set())


@strategy(needs=_reads)
def k_center(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    space: Space = "features",
    class_balanced: GreedyBalance | None = None,
) -> Indices:
    """Choose, one after another, the image farthest from all labeled and chosen ones.

    Euclidean distances; the papers' "Coreset". Ties go to the lowest position. Before the first
    label the first image is drawn at random. Budgets nest.

    Cost: O(N D (B + L)) time, O(N) memory.

    Use: to reach rare looks; it also reaches outliers.

    Source: Gonzalez 1985; Sener and Savarese 2018; balanced, Bengar et al. 2022 (CBAL), Algorithm
    2.

    Args:
        pool: features (N, D), or what the learner's last layer sees (N, H).
        budget: B.
        rng: draws the first image where none has a label.
        space: whether distances are between the encoder's features or the learner's.
        class_balanced: `lambda` weighs the distance to what is covered against the balance of the
            classes (CBAL, Algorithm 2). As in the released code, which has 5 for 10 classes and 50
            for 100, it is divided by C; `divided_by_classes: false` is the text's form.
    """
    points = pool.hidden if space == "hidden" else pool.features
    if class_balanced is None:
        return greedy_k_center(points, pool.labelled, budget, rng)
    divisor = pool.num_classes if class_balanced.get("divided_by_classes", True) else 1
    return balanced_k_center(
        points,
        pool.labelled,
        budget,
        rng,
        probs=pool.probs,
        target=lacking(pool, budget),
        weight=class_balanced["lambda"] / divisor,
    )


def _one_of_each_cluster(
    features: Features,
    left: Indices,
    budget: int,
    rng: np.random.Generator,
    options: tuple[bool, int],
) -> Indices:
    """Return the B of some positions nearest to their K = B centers, largest cluster first."""
    normalize, restarts = options
    points = _rows(features, left, normalize)
    clusters, centers = clustering.kmeans(points, budget, rng, restarts=restarts)
    nearest = clustering.nearest_to_centers(points, clusters, centers)
    chosen = nearest[np.argsort(-np.bincount(clusters), kind="stable")]
    duplicates = np.setdiff1d(np.arange(len(left)), chosen)[: budget - len(chosen)]
    picks: Indices = left[np.concatenate([chosen, duplicates])]
    return picks


def _rows(features: Features, positions: Indices, normalize: bool) -> Features:
    """Return some ascending rows of unit length or as they are, copied once at most."""
    if normalize:
        return clustering.unit_rows(features, positions)
    return features if len(positions) == len(features) else features[positions]
