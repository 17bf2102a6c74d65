import numpy as np
import pytest

from rayal.labeling.folds import group_folds


def test_a_group_lies_in_one_fold_alone():
    rng = np.random.default_rng(0)
    groups, labels = rng.integers(0, 30, 200), rng.integers(0, 4, 200)
    folds = group_folds(groups, labels, 5, rng)
    assert all(len(np.unique(folds[groups == group])) == 1 for group in np.unique(groups))
    assert set(folds) == set(range(5))


def test_classes_are_spread_evenly():
    labels = np.repeat([0, 1, 2], [100, 20, 5])
    folds = group_folds(np.arange(125), labels, 5, np.random.default_rng(0))
    counts = np.array([[np.sum(labels[folds == f] == c) for c in range(3)] for f in range(5)])
    assert (counts == [20, 4, 1]).all()


@pytest.mark.parametrize(("groups", "folds"), [(1, 1), (3, 3), (12, 10)])
def test_there_are_as_many_folds_as_groups_at_the_most(groups, folds):
    members = np.arange(24) % groups
    found = group_folds(members, np.zeros(24, dtype=np.int64), 10, np.random.default_rng(0))
    assert len(np.unique(found)) == folds
