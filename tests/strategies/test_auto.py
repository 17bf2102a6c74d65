from dataclasses import replace

import numpy as np

import rayal
from rayal.contracts import UNLABELED, Pool, Predictions
from rayal.kernels import clustering
from rayal.kernels.feature_transform import fit_transform
from rayal.kernels.near_duplicates import representatives
from rayal.registry import STRATEGIES
from rayal.seeds import generator


def clusters(N: int = 90, D: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(N, D)) + 6 * rng.normal(size=(5, D))[np.arange(N) % 5]
    return features.astype(np.float32)


def ask(pool: Pool, budget: int, rng: np.random.Generator | None = None) -> np.ndarray:
    chosen: np.ndarray = STRATEGIES.find("auto").function(
        pool, budget, rng or np.random.default_rng(0)
    )
    return chosen


def before_labels(features: np.ndarray) -> Pool:
    return Pool(features, np.full(len(features), UNLABELED), 3)


def test_the_first_query_is_kmeans_on_half_whitened_components_without_copies() -> None:
    features = clusters()
    features[60:] = features[:1]  # a bundle
    chosen = ask(before_labels(features), 7)
    white = components(features)
    kept = np.unique(representatives(clustering.unit_rows(white), 0.98))
    assert len(kept) < len(features) - 25
    groups, centers = clustering.kmeans(white[kept], 7, np.random.default_rng(0), restarts=5)
    nearest = kept[clustering.nearest_to_centers(white[kept], groups, centers)]
    assert set(chosen.tolist()) == set(nearest.tolist())


def test_no_two_of_a_bundle_are_asked_for() -> None:
    features = np.repeat(clusters(30), 3, axis=0)
    chosen = ask(before_labels(features), 10)
    assert len(np.unique(chosen // 3)) == 10


def test_with_labels_and_no_predictions_no_copy_of_a_labeled_image_is_asked_for() -> None:
    features = np.repeat(clusters(30), 3, axis=0)
    labels = np.full(len(features), UNLABELED)
    labels[[0, 3, 31]] = 1  # of one class, on which nobody can train
    asked = set((ask(Pool(features, labels, 3), 15) // 3).tolist())
    assert len(asked) == 15
    assert not asked & {0, 1, 10}


def with_predictions(features: np.ndarray, labeled: list[int]) -> Pool:
    labels = np.full(len(features), UNLABELED)
    labels[labeled] = np.arange(len(labeled)) % 3
    probs = np.random.default_rng(1).dirichlet(np.ones(3), len(features)).astype(np.float32)
    return Pool(features, labels, 3, predictions=Predictions(probs[:0], lambda: probs))


def components(features: np.ndarray, count: int = 64) -> np.ndarray:
    return fit_transform(features, {"unit": True, "half_whiten": count})(features)


def covering(pool: Pool, budget: int, width: float, count: int = 64) -> list[int]:
    on_components = replace(pool, features=components(pool.features, count))
    chosen = STRATEGIES.find("uherding").function(
        on_components, budget, np.random.default_rng(0), sigma=width
    )
    return [int(position) for position in chosen]


def test_with_predictions_it_covers_the_uncertain_part_as_widely_as_labels_lie_apart() -> None:
    pool = with_predictions(clusters(), [0, 1, 2, 3])
    points = components(pool.features)[pool.labeled].astype(np.float64)
    away = np.linalg.norm(points[:, None] - points[None], axis=2) + 9 * np.eye(4)
    assert ask(pool, 6).tolist() == covering(pool, 6, float(away.min(axis=1).mean()))


def test_labeled_copies_do_not_narrow_what_one_label_covers() -> None:
    features = clusters()
    features[1] = features[0]
    pool = with_predictions(features, [0, 1, 2])
    points = components(features)[[0, 2]].astype(np.float64)
    apart = float(np.linalg.norm(points[0] - points[1]))
    assert ask(pool, 6).tolist() == covering(pool, 6, apart)


def test_a_single_label_covers_a_unit_width() -> None:
    pool = with_predictions(clusters(), [7])
    assert ask(pool, 6).tolist() == covering(pool, 6, 1.0)


def wide(N: int = 90) -> np.ndarray:
    return clusters(N, D=40)  # more than the components that are taken of pixels


def test_of_bare_pixels_the_first_query_clusters_all_images_by_sixteen_components() -> None:
    features = wide()
    features[60:] = features[:1]  # a bundle stays: it is one cluster
    chosen = ask(replace(before_labels(features), bare_pixels=True), 7)
    white = components(features, 16)
    groups, centers = clustering.kmeans(white, 7, np.random.default_rng(0), restarts=5)
    nearest = clustering.nearest_to_centers(white, groups, centers)
    assert set(chosen.tolist()) == set(nearest.tolist())
    assert set(ask(before_labels(features), 7).tolist()) != set(nearest.tolist())


def test_of_bare_pixels_later_queries_cover_by_sixteen_components() -> None:
    pool = with_predictions(wide(), [0, 1, 2, 3])
    points = components(pool.features, 16)[pool.labeled].astype(np.float64)
    away = np.linalg.norm(points[:, None] - points[None], axis=2) + 9 * np.eye(4)
    chosen = ask(replace(pool, bare_pixels=True), 6).tolist()
    assert chosen == covering(pool, 6, float(away.min(axis=1).mean()), count=16)
    assert chosen != ask(pool, 6).tolist()


def test_a_query_of_arrays_may_say_that_features_are_pixels() -> None:
    features = wide()
    pool = replace(before_labels(features), bare_pixels=True)
    chosen = rayal.query("auto", 7, features=features, bare_pixels=True)
    assert chosen.tolist() == ask(pool, 7, generator("query", "", 0, 0)).tolist()
    assert chosen.tolist() != rayal.query("auto", 7, features=features).tolist()
