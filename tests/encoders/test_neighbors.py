import math

import numpy as np
import pytest

from rayal.contracts import UNLABELED
from rayal.encoders._features import neighbors
from tests.draws import draws


def slow_accuracy(known, classes, asked, truth, own=None) -> float:
    """One query and one neighbor at a time."""
    right = asked_of = 0
    for i, query in enumerate(asked):
        if truth[i] == UNLABELED:
            continue
        near = []
        for j, row in enumerate(known):
            if classes[j] == UNLABELED or (own is not None and own[i] == j):
                continue
            cosine = query @ row / (np.linalg.norm(query) * np.linalg.norm(row))
            near.append((cosine, classes[j]))
        votes: dict[int, float] = {}
        for cosine, c in sorted(near, reverse=True)[: neighbors.NEIGHBORS]:
            votes[c] = votes.get(c, 0) + cosine + 1
        best = max(votes.values())
        right += min(c for c in votes if votes[c] == best) == truth[i]
        asked_of += 1
    return right / asked_of


@pytest.mark.parametrize("seed", draws(60))
def test_the_share_is_that_of_a_slow_twin(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbors, "_BLOCK", 4)
    rng = np.random.default_rng(seed)
    N, M, D, C = rng.integers(2, 30), rng.integers(1, 12), rng.integers(1, 6), rng.integers(1, 5)
    known, asked = rng.normal(size=(N, D)), rng.normal(size=(M, D))
    if D == 1:  # cosines are 1 and -1 alone: ties everywhere
        return
    classes, truth = rng.integers(-1, C, N), rng.integers(-1, C, M)
    classes[:2], truth[0] = 0, 0
    found = neighbors.knn_accuracy(known.astype(np.float32), classes, asked, truth)
    assert found == pytest.approx(slow_accuracy(known, classes, asked, truth))
    among = neighbors.leave_one_out_accuracy(known, classes)
    assert among == pytest.approx(slow_accuracy(known, classes, known, classes, np.arange(N)))


def test_a_row_never_votes_for_itself() -> None:
    features = np.array([[1, 0.01], [0.01, 1]], np.float32)
    assert neighbors.leave_one_out_accuracy(features, np.array([0, 1])) == 0


def test_without_labels_there_is_no_accuracy() -> None:
    features, unknown = np.ones((3, 2), np.float32), np.full(3, UNLABELED)
    assert math.isnan(neighbors.leave_one_out_accuracy(features, unknown))
    assert math.isnan(neighbors.knn_accuracy(features, unknown, features, np.zeros(3, np.int64)))
    assert math.isnan(neighbors.leave_one_out_accuracy(features[:1], np.array([2])))


def test_inputs_are_left_alone_and_zero_rows_are_no_trouble() -> None:
    features = np.zeros((8, 3), np.float16)
    features[:4] = 2
    features.setflags(write=False)
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    assert 0 <= neighbors.leave_one_out_accuracy(features, labels) <= 1
