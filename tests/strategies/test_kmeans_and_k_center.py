import dataclasses

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool, Predictions, Strategy
from rayal.kernels.covering import greedy_k_center
from rayal.registry import STRATEGIES
from rayal.strategies._farthest_first import WIDE
from rayal.strategies.k_center import k_center
from rayal.strategies.kmeans import kmeans
from rayal.strategies.multi_kmeans import multi_kmeans
from tests.draws import draws
from tests.strategies.unlabeled_pools import pool_of


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Five blobs in different directions, of 40, 30, 20, 10 and 5 points."""
    truth = np.repeat(np.arange(5), [40, 30, 20, 10, 5])
    return 20 * np.eye(5)[truth] + rng().normal(size=(len(truth), 5)), truth


@pytest.mark.parametrize("normalize", [True, False])
def test_kmeans_takes_one_image_of_each_cluster_the_largest_first(normalize: bool) -> None:
    features, truth = blobs()
    chosen = kmeans(pool_of(features), 5, rng(), normalize=normalize)
    assert truth[chosen].tolist() == [0, 1, 2, 3, 4]


def test_kmeans_takes_the_image_nearest_to_the_mean() -> None:
    features, truth = blobs()
    chosen = kmeans(pool_of(features), 5, rng(), normalize=False)
    for blob, found in enumerate(chosen):
        members = np.flatnonzero(truth == blob)
        away = np.linalg.norm(features[members] - features[members].mean(axis=0), axis=1)
        assert found == members[away.argmin()]


def test_normalize_ignores_length() -> None:
    features, _ = blobs()
    longer = features * rng(1).uniform(1, 100, size=(len(features), 1))
    plain, scaled = (kmeans(pool_of(f), 5, rng()) for f in (features, longer))
    assert np.array_equal(plain, scaled)


def test_kmeans_makes_up_the_number_from_duplicates() -> None:
    features = np.repeat(np.eye(3), [4, 1, 1], axis=0)
    assert sorted(kmeans(pool_of(features), 5, rng())) == [0, 1, 2, 4, 5]


def test_kmeans_clusters_the_unlabeled_alone() -> None:
    features, truth = blobs()
    chosen = kmeans(pool_of(features, labeled=list(range(40))), 4, rng())
    assert truth[chosen].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("width", [WIDE - 1, WIDE])
@pytest.mark.parametrize("labeled", [[], [3, 70, 500]])
def test_k_center_is_the_same_to_the_index_in_narrow_and_wide_rows(
    width: int, labeled: list[int]
) -> None:
    centers = rng().normal(size=(9, width))
    features = (centers[rng(1).integers(9, size=900)] + rng(2).normal(size=(900, width))).round(1)
    pool = pool_of(features.astype(np.float32), labeled=labeled)
    plain = greedy_k_center(pool.features, pool.labeled, 200, rng())
    assert k_center(pool, 200, rng()).tolist() == plain.tolist()


def test_k_center_reaches_blobs_without_a_label() -> None:
    features, truth = blobs()
    assert set(truth[k_center(pool_of(features, labeled=[0]), 4, rng())]) == {1, 2, 3, 4}


def test_k_center_budgets_nest() -> None:
    features, _ = blobs()
    large = k_center(pool_of(features), 30, rng())
    assert np.array_equal(k_center(pool_of(features), 7, rng()), large[:7])


def test_multi_kmeans_is_kmeans_before_the_first_label() -> None:
    features, _ = blobs()
    images = pool_of(features)
    assert np.array_equal(multi_kmeans(images, 5, rng()), kmeans(images, 5, rng()))


def test_multi_kmeans_clusters_what_is_labeled_too() -> None:
    """One blob of labeled images is a cluster of its own, and its neighbor's image is taken."""
    features, truth = blobs()
    chosen = multi_kmeans(pool_of(features, labeled=list(range(39))), 5, rng())
    assert truth[chosen].tolist() == [0, 1, 2, 3, 4]
    assert chosen[0] == 39


def test_multi_kmeans_takes_the_unlabeled_image_nearest_to_the_center() -> None:
    features, truth = blobs()
    known = [0, 1, 2, 41, 42, 75]
    chosen = multi_kmeans(pool_of(features, known), 5, rng(), normalize=False)
    for blob, found in enumerate(chosen):
        members = np.flatnonzero(truth == blob)
        away = np.linalg.norm(features - features[members].mean(axis=0), axis=1)
        away[known] = np.inf
        assert found == away.argmin()


def test_multi_kmeans_replaces_clusters_that_are_labeled_throughout() -> None:
    features, truth = blobs()
    chosen = multi_kmeans(pool_of(features, labeled=list(range(40))), 5, rng())
    assert truth[chosen[:4]].tolist() == [1, 2, 3, 4]
    assert len(np.unique(chosen)) == 5
    assert chosen.min() >= 40


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("choose", [kmeans, multi_kmeans])
@pytest.mark.parametrize("seed", draws(20))
def test_any_pool_gives_b_distinct_unlabeled_images(
    choose: Strategy, normalize: bool, seed: int
) -> None:
    draw = rng(seed)
    n = int(draw.integers(2, 30))
    features = draw.integers(2, size=(n, draw.integers(1, 4)))
    known = draw.choice(n, draw.integers(0, n), replace=False).tolist()
    images = pool_of(features, known)
    images.features.flags.writeable = False
    for budget in {1, (len(images.unlabeled) + 1) // 2, len(images.unlabeled)}:
        chosen = choose(images, budget, rng(1), normalize=normalize, restarts=1)
        assert len(np.unique(chosen)) == budget
        assert np.isin(chosen, images.unlabeled).all()


def test_k_center_measures_in_the_space_asked_for() -> None:
    features, _truth = blobs()
    shuffled = features[::-1].astype(np.float32)
    said = Predictions(shuffled, lambda: shuffled, penultimate_features=lambda: shuffled)
    images = dataclasses.replace(pool_of(features, labeled=[0]), predictions=said)
    hidden = k_center(images, 6, rng(), space="hidden")
    assert np.array_equal(hidden, k_center(pool_of(shuffled, labeled=[0]), 6, rng()))
    assert not np.array_equal(hidden, k_center(images, 6, rng()))


def test_k_center_needs_what_its_space_reads() -> None:
    needs, bind = STRATEGIES.find("k_center").traits.needs, STRATEGIES.find("k_center").bind
    assert needs(bind({})) == set()
    assert needs(bind({"space": "hidden"})) == {"hidden"}


def test_a_balanced_cover_gives_up_distance_for_classes_that_lack() -> None:
    draw = np.random.default_rng(0)
    truth = np.repeat([0, 1], [90, 10])
    features = draw.normal(size=(100, 3)).astype(np.float32)
    features[:90] *= 5  # the large class is spread out: plain k_center stays there
    probs = np.eye(2, dtype=np.float32)[truth]
    here = Pool(
        features, np.full(100, UNLABELED), 2, predictions=Predictions(probs[:0], lambda: probs)
    )
    plain = k_center(here, 12, np.random.default_rng(1))
    balanced = k_center(here, 12, np.random.default_rng(1), class_balanced={"lambda": 100.0})
    assert np.bincount(truth[plain], minlength=2)[1] < 3
    assert np.bincount(truth[balanced]).tolist() == [6, 6]


def test_the_weight_is_divided_by_the_number_of_classes_unless_told_not_to() -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(80, 3)).astype(np.float32)
    probs = draw.dirichlet(np.ones(4), size=80).astype(np.float32)
    predictions = Predictions(probs[:0], lambda: probs)
    here = Pool(features, np.full(80, UNLABELED), 4, predictions=predictions)
    one, other = (
        k_center(here, 20, np.random.default_rng(1), class_balanced=given)
        for given in ({"lambda": 2.0}, {"lambda": 0.5, "divided_by_classes": False})
    )
    assert np.array_equal(one, other)
