import numpy as np
import pytest

from rayal.contracts import Pool, Predictions
from rayal.kernels.clustering import kmeans, unit_rows
from rayal.strategies.margin import margin
from rayal.strategies.tcm import tcm
from rayal.strategies.typiclust import typiclust
from tests.draws import draws
from tests.strategies.unlabeled_pools import pool_of


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def blobs(sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """A blob in its own direction for each size."""
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return 20 * np.eye(len(sizes))[truth] + rng().normal(size=(len(truth), len(sizes))), truth


def slow_twin(
    points: np.ndarray, clusters: np.ndarray, labeled: list[int], budget: int, min_size: int
) -> list[int]:
    """The rule, worked out anew from all distances for each pick."""
    away = np.sqrt(((points[:, None].astype(float) - points[None]) ** 2).sum(axis=2))
    chosen = list(labeled)
    for _ in range(budget):
        left = np.setdiff1d(np.arange(len(points)), chosen)
        ranked = sorted(
            (
                int(np.sum(clusters == c)) < min_size,
                int(np.sum(clusters[chosen] == c)),
                -int(np.sum(clusters == c)),
                int(c),
            )
            for c in np.unique(clusters[left])
        )
        members = left[clusters[left] == ranked[0][3]]
        k = min(20, len(members) // 2)
        means = [np.sort(away[m, np.setdiff1d(members, [m])])[:k].mean() if k else 0.0
                 for m in members]  # fmt: skip
        chosen.append(int(members[np.argmin(means)]))
    return chosen[len(labeled) :]


@pytest.mark.parametrize("seed", draws(200))
def test_picks_equal_the_slow_twins(seed: int) -> None:
    draw = rng(seed)
    features = draw.normal(size=(draw.integers(12, 70), draw.integers(3, 7)))
    labeled = np.sort(draw.choice(len(features), draw.integers(6), replace=False)).tolist()
    budget = int(draw.integers(1, len(features) - len(labeled) + 1))
    K, min_size = int(draw.integers(1, 9)), int(draw.integers(1, 12))
    given = pool_of(features, labeled)
    picks = typiclust(given, budget, rng(1), max_clusters=K, min_size=min_size)
    points = unit_rows(given.features)
    clusters, _ = kmeans(points, min(K, len(labeled) + budget), rng(1), restarts=1, iterations=10)
    assert picks.tolist() == slow_twin(points, clusters, labeled, budget, min_size)


def test_one_image_of_each_cluster_the_largest_first() -> None:
    features, truth = blobs([40, 30, 20, 10, 6])
    assert truth[typiclust(pool_of(features), 5, rng(), restarts=5)].tolist() == [0, 1, 2, 3, 4]


def test_clusters_with_a_label_come_later() -> None:
    features, truth = blobs([40, 30, 20])
    chosen = typiclust(pool_of(features, [0]), 3, rng(), max_clusters=3, restarts=5)
    assert truth[chosen].tolist() == [1, 2, 0]


def test_small_clusters_come_last_but_come() -> None:
    features, truth = blobs([20, 4])
    chosen = typiclust(pool_of(features), 24, rng(), max_clusters=2, restarts=5)
    assert truth[chosen].tolist() == [0] * 20 + [1] * 4
    at_once = typiclust(pool_of(features), 2, rng(), max_clusters=2, min_size=4, restarts=5)
    assert truth[at_once].tolist() == [0, 1]


def test_tcm_is_typiclust_without_predictions_and_while_labels_are_few() -> None:
    features, _ = blobs([40, 30, 20])
    first = pool_of(features)
    assert np.array_equal(tcm(first, 9, rng()), typiclust(first, 9, rng()))
    few = with_predictions(features, list(range(19)))
    assert np.array_equal(tcm(few, 9, rng()), typiclust(few, 9, rng()))


def test_tcm_is_margin_once_there_are_enough_labels_for_each_class() -> None:
    features, _ = blobs([40, 30, 20])
    many = with_predictions(features, list(range(20)))
    assert np.array_equal(tcm(many, 9, rng()), margin(many, 9, rng()))
    few = with_predictions(features, [0, 1])
    assert np.array_equal(tcm(few, 9, rng(), labels_per_class=1), margin(few, 9, rng()))


def with_predictions(features: np.ndarray, known: list[int]) -> Pool:
    plain = pool_of(features, known)
    probs = rng().dirichlet([1, 1], len(features)).astype(np.float32)
    return Pool(plain.features, plain.labels, 2, predictions=Predictions(probs, lambda: probs))
