import numpy as np
import pytest

from rayal.labeling.learning_curve import _slope, curve_over_rounds, expected_gain
from rayal.labeling.stopping import stopping_advice
from tests.labeling.made_up_labels import clusters, labeled


def rng():
    return np.random.default_rng(0)


def in_rounds(count, of=20):
    rounds = np.zeros(600, dtype=np.int64)
    rounds[: count * of] = 1 + np.arange(count * of) // of
    return rounds


def test_the_slope_is_that_of_the_curve_and_never_leads_below_no_error():
    sizes = np.array([20.0, 40, 60, 80])
    assert _slope(sizes, 0.1 + 1.5 / np.sqrt(sizes)) == pytest.approx(1.5)
    assert _slope(sizes, 0.1 + sizes / 1000) == 0
    steep = 1 / sizes
    b = _slope(sizes, steep)
    assert b == pytest.approx(float(steep @ sizes**-0.5 / (1 / sizes).sum()))


def test_after_each_round_the_classifier_is_tried_on_the_audit_sample():
    points, truth = clusters()
    pool = labeled(points, truth, range(60), range(60, 100), rounds=in_rounds(3))
    curve = curve_over_rounds(pool)
    assert [(p.round, p.labels, p.accuracy.n) for p in curve] == [
        (1, 20, 40), (2, 40, 40), (3, 60, 40),
    ]  # fmt: skip
    assert curve_over_rounds(labeled(points, truth, range(60))) == []


def test_more_is_gained_where_more_is_wrong_and_less_is_known():
    gains = {}
    for spread in (0.5, 2.0):
        points, truth = clusters(spread=spread)
        for n in (40, 200):
            gains[spread, n] = expected_gain(labeled(points, truth, range(n)), 100, rng())
    assert gains[2.0, 40].expected > gains[2.0, 200].expected > 0
    assert gains[2.0, 40].expected > gains[0.5, 40].expected
    for gain in gains.values():
        assert 0 <= gain.low <= gain.expected <= gain.high


def test_of_few_labels_or_one_group_nothing_is_said():
    points, truth = clusters()
    assert expected_gain(labeled(points, truth, range(19)), 100, rng()) is None
    one = np.zeros(600, dtype=np.int64)
    assert expected_gain(labeled(points, truth, range(60), groups=one), 100, rng()) is None
    assert (
        expected_gain(labeled(points, np.zeros(600, dtype=np.int64), range(60)), 9, rng()) is None
    )


def test_predictions_that_no_longer_change_are_named():
    points, truth = clusters(spread=0.1)
    advice = stopping_advice(labeled(points, truth, range(80), rounds=in_rounds(4)), rng())
    assert advice.stop_set == 520
    assert len(advice.kappas) == 3
    assert advice.stable
    assert advice.unchanged
    points, truth = clusters(spread=2.5)
    advice = stopping_advice(labeled(points, truth, range(80), rounds=in_rounds(4)), rng())
    assert advice.stable is False
    assert advice.unchanged is False


def test_with_few_rounds_the_rules_say_nothing():
    points, truth = clusters()
    advice = stopping_advice(labeled(points, truth, range(40), rounds=in_rounds(2)), rng())
    assert advice.stable is None
    assert advice.unchanged is not None
    advice = stopping_advice(labeled(points, truth, range(20), rounds=in_rounds(1)), rng())
    assert advice.kappas == ()
    assert advice.unchanged is None
    assert stopping_advice(labeled(points, truth, ()), rng()).gain is None
