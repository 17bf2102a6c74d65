from dataclasses import replace

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool, Predictions
from rayal.kernels.clustering import unit_rows
from rayal.kernels.herding import greedy_herding
from rayal.strategies.farthest_point import farthest_point
from rayal.strategies.maxherding import maxherding
from rayal.strategies.uherding import uherding
from tests.draws import draws


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pool(known: list[int], certain: bool = False) -> Pool:
    features = rng().normal(size=(60, 5)).astype(np.float32)
    labels = np.full(60, UNLABELED)
    labels[known] = 0
    probs = rng(1).dirichlet([1, 1, 1], 60).astype(np.float32)
    if certain:
        probs[:30] = [1, 0, 0]
    return Pool(features, labels, 3, predictions=Predictions(probs, lambda: probs))


def test_maxherding_works_on_features_of_unit_length() -> None:
    given = pool([4, 9])
    expected = greedy_herding(unit_rows(given.features), given.labeled, 12, 0.7)
    assert np.array_equal(maxherding(given, 12, rng(), sigma=0.7), expected)
    longer = replace(given, features=given.features * np.float32(8))
    assert np.array_equal(maxherding(longer, 12, rng(), sigma=0.7), expected)


def test_uherding_weights_by_one_less_the_margin() -> None:
    given = pool([4, 9])
    top = np.sort(given.probs.astype(np.float64), axis=1)
    weights = 1 - (top[:, -1] - top[:, -2])
    features = unit_rows(given.features)
    expected = greedy_herding(features, given.labeled, 12, 0.7, weights)
    assert np.array_equal(uherding(given, 12, rng(), sigma=0.7), expected)


def test_uherding_passes_over_what_is_certain() -> None:
    assert (uherding(pool([40, 50], certain=True), 10, rng(), sigma=1e-3) >= 30).all()


def test_uherding_without_predictions_is_maxherding() -> None:
    given = replace(pool([]), predictions=None)
    assert np.array_equal(uherding(given, 12, rng()), maxherding(given, 12, rng()))


def test_the_automatic_width_is_the_smallest_distance_of_two_labels() -> None:
    given = pool([4, 9, 33])
    points = unit_rows(given.features)[given.labeled].astype(np.float64)
    away = np.linalg.norm(points[:, None] - points[None], axis=2)
    width = float(away[away > 0].min())
    assert np.array_equal(uherding(given, 12, rng()), uherding(given, 12, rng(), sigma=width))


def test_labeled_copies_do_not_make_the_width_zero() -> None:
    given = pool([4, 9])
    features = given.features.copy()
    features[9] = features[4]
    copies = replace(given, features=features)
    assert np.array_equal(uherding(copies, 12, rng()), uherding(copies, 12, rng(), sigma=1.0))


def test_probabilities_that_are_no_numbers_are_refused() -> None:
    given = pool([4, 9])
    given.probs[7] = np.nan
    with pytest.raises(ValueError, match="predicted probabilities must be finite"):
        uherding(given, 2, rng())


def slow_farthest(points: np.ndarray, chosen: list[int], budget: int) -> list[int]:
    away = np.linalg.norm(points[:, None].astype(float) - points[None].astype(float), axis=2)
    picks: list[int] = []
    if not chosen:
        middle = points.mean(axis=0, dtype=np.float64)
        picks = [int(np.linalg.norm(points - middle, axis=1).argmin())]
    while len(picks) < budget:
        nearest = away[:, chosen + picks].min(axis=1)
        nearest[chosen + picks] = -1
        picks.append(int(nearest.argmax()))
    return picks


@pytest.mark.parametrize("seed", draws(200))
def test_farthest_points_equal_the_slow_twins(seed: int) -> None:
    draw = rng(seed)
    features = draw.normal(size=(draw.integers(5, 50), draw.integers(2, 8))).astype(np.float32)
    known = draw.choice(len(features), draw.integers(4), replace=False)
    labels = np.full(len(features), UNLABELED)
    labels[known] = 0
    given = Pool(features, labels, 2)
    budget = int(draw.integers(1, len(features) - len(known) + 1))
    expected = slow_farthest(unit_rows(features), sorted(known.tolist()), budget)
    assert farthest_point(given, budget, rng()).tolist() == expected


def test_a_temperature_flattens_the_predictions() -> None:
    given = pool([4, 9])
    flat = given.probs.astype(np.float64) ** (1 / 3)
    flat /= flat.sum(axis=1, keepdims=True)
    top = np.sort(flat, axis=1)
    weights = 1 - (top[:, -1] - top[:, -2])
    expected = greedy_herding(unit_rows(given.features), given.labeled, 12, 0.7, weights)
    assert np.array_equal(uherding(given, 12, rng(), sigma=0.7, temperature=3.0), expected)


def test_the_temperature_is_calibrated_on_a_fifth_of_the_labels() -> None:
    asked: list[list[int]] = []
    wrong_and_sure = np.array([[0.01, 0.98, 0.01]], dtype=np.float32)

    def predict_without(held_out: np.ndarray) -> np.ndarray:
        asked.append(held_out.tolist())
        return wrong_and_sure.repeat(len(held_out), axis=0)

    given = replace(pool([*range(3, 14)]), predict_without=predict_without)
    chosen = uherding(given, 12, rng(), temperature="calibrated")
    assert np.array_equal(chosen, uherding(given, 12, rng(), temperature=20.0))
    assert len(asked[0]) == 3
    assert set(asked[0]) < set(given.labeled)


def test_one_label_calibrates_nothing_and_a_first_query_neither() -> None:
    given = replace(pool([4]), predict_without=lambda held_out: pytest.fail("trained"))
    for each in (given, replace(given, predictions=None)):
        chosen = uherding(each, 5, rng(), temperature="calibrated")
        assert np.array_equal(chosen, uherding(each, 5, rng()))


def test_arrays_have_no_learner_to_calibrate() -> None:
    with pytest.raises(ValueError, match=r"temperature: calibrated trains the learner again"):
        uherding(pool([4, 9]), 2, rng(), temperature="calibrated")
