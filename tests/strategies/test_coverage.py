import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool
from rayal.strategies.coverage import k_center, kmeans


def pool(features: np.ndarray, known: list[int] | None = None) -> Pool:
    labels = np.full(len(features), UNLABELED)
    labels[known or []] = 0
    return Pool(features.astype(np.float32), labels, 2)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Five blobs in different directions, of 40, 30, 20, 10 and 5 points."""
    truth = np.repeat(np.arange(5), [40, 30, 20, 10, 5])
    return 20 * np.eye(5)[truth] + rng().normal(size=(len(truth), 5)), truth


@pytest.mark.parametrize("normalize", [True, False])
def test_kmeans_takes_one_image_of_each_cluster_the_largest_first(normalize: bool) -> None:
    features, truth = blobs()
    chosen = kmeans(pool(features), 5, rng(), normalize=normalize)
    assert truth[chosen].tolist() == [0, 1, 2, 3, 4]


def test_kmeans_takes_the_image_nearest_to_the_mean() -> None:
    features, truth = blobs()
    chosen = kmeans(pool(features), 5, rng(), normalize=False)
    for blob, found in enumerate(chosen):
        members = np.flatnonzero(truth == blob)
        away = np.linalg.norm(features[members] - features[members].mean(axis=0), axis=1)
        assert found == members[away.argmin()]


def test_normalize_ignores_length() -> None:
    features, _ = blobs()
    longer = features * rng(1).uniform(1, 100, size=(len(features), 1))
    plain, scaled = (kmeans(pool(f), 5, rng()) for f in (features, longer))
    assert np.array_equal(plain, scaled)


def test_kmeans_makes_up_the_number_from_duplicates() -> None:
    features = np.repeat(np.eye(3), [4, 1, 1], axis=0)
    assert sorted(kmeans(pool(features), 5, rng())) == [0, 1, 2, 4, 5]


def test_kmeans_clusters_the_unlabelled_alone() -> None:
    features, truth = blobs()
    chosen = kmeans(pool(features, known=list(range(40))), 4, rng())
    assert truth[chosen].tolist() == [1, 2, 3, 4]


def test_k_center_reaches_blobs_without_a_label() -> None:
    features, truth = blobs()
    assert set(truth[k_center(pool(features, known=[0]), 4, rng())]) == {1, 2, 3, 4}


def test_k_center_budgets_nest() -> None:
    features, _ = blobs()
    large = k_center(pool(features), 30, rng())
    assert np.array_equal(k_center(pool(features), 7, rng()), large[:7])
