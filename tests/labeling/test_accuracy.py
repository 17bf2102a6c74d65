import numpy as np
import pytest

from rayal.labeling.accuracy import accuracy_of, audit_accuracy, optimistic_accuracy
from rayal.labeling.training import held_out, probabilities
from tests.labeling.made_up_labels import clusters, labeled

pytestmark = pytest.mark.slow


def test_the_audit_sample_trains_nothing():
    points, truth = clusters(200)
    pool = labeled(points, truth, range(40), range(40, 70))
    expected = probabilities(points[:40], [truth[:40]], 4, points[40:70])[0].argmax(axis=1)
    found = audit_accuracy(pool)
    assert found.overall.count == int((expected == truth[40:70]).sum())
    assert found.overall.n == 30
    assert sum(share.n for share in found.recall.values()) == 30
    assert sum(count for *_, count in found.confusions) == 30 - found.overall.count


def test_without_audit_or_without_other_labels_there_is_no_estimate():
    points, truth = clusters(100)
    assert audit_accuracy(labeled(points, truth, range(40))) is None
    assert audit_accuracy(labeled(points, truth, (), range(40))) is None
    assert optimistic_accuracy(labeled(points, truth, ()), np.random.default_rng(0)) is None


def test_the_interval_covers_the_accuracy_on_the_rest_about_as_often_as_it_says():
    hit = []
    for seed in range(100):
        points, truth = clusters(400, spread=1.6, seed=seed)
        rows = np.random.default_rng(seed).permutation(400)
        pool = labeled(points, truth, rows[:30], rows[30:60])
        low, high = audit_accuracy(pool).overall.interval
        probs = probabilities(points[rows[:30]], [truth[rows[:30]]], 4, points[rows[60:]])[0]
        hit.append(low <= np.mean(probs.argmax(axis=1) == truth[rows[60:]]) <= high)
    assert np.mean(hit) >= 0.92


def test_held_out_predictions_see_nothing_of_the_images_group():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 5)
    points = rng.normal(size=(12, 16))[groups].astype(np.float32)  # all of a group are the same
    labels = rng.integers(0, 2, 12)[groups]
    leaking = held_out(points, labels, np.arange(60), 2, rng).argmax(axis=1)
    apart = held_out(points, labels, groups, 2, rng).argmax(axis=1)
    assert np.mean(leaking == labels) == 1
    assert np.mean(apart == labels) < 0.9


def test_one_group_alone_cannot_be_held_out():
    points, truth = clusters(30)
    groups = np.zeros(30, dtype=np.int64)
    assert held_out(points, truth, groups, 4, np.random.default_rng(0)) is None


def test_recall_is_of_each_class():
    probs = np.eye(3)[[0, 0, 1, 2, 1]]
    found = accuracy_of(probs, np.array([0, 1, 1, 2, 2]), ("a", "b", "c"))
    assert found.overall.value == pytest.approx(0.6)
    assert {name: (s.count, s.n) for name, s in found.recall.items()} == {
        "a": (1, 1), "b": (1, 2), "c": (1, 2),
    }  # fmt: skip
    assert found.confusions == (("b", "a", 1), ("c", "b", 1))
