import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool, Predictions, Task
from rayal.kernels.prototypes import simplex
from rayal.learners.linear import linear
from rayal.strategies.msal import msal
from rayal.strategies.msal_d import msal_d


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pool(outputs: np.ndarray, labeled: list[int] | None = None) -> Pool:
    labels = np.full(len(outputs), UNLABELED)
    labels[labeled or []] = 0
    empty = np.empty((0, 0), dtype=np.float32)
    predictions = Predictions(empty, lambda: empty, prototype_outputs=lambda: outputs)
    return Pool(outputs, labels, outputs.shape[1] + 1, predictions=predictions)


def test_msal_asks_first_where_no_prototype_is_near() -> None:
    points = simplex(3)
    between = points[0] + points[1]
    outputs = np.vstack([points[0], between, points[1] + 0.1 * points[2]]).astype(np.float32)
    assert msal(pool(outputs), 3, rng()).tolist() == [1, 2, 0]


def test_length_says_nothing_to_msal() -> None:
    outputs = rng(1).normal(size=(30, 4)).astype(np.float32)
    longer = outputs * rng(2).uniform(0.1, 10, size=(30, 1)).astype(np.float32)
    assert msal(pool(outputs), 30, rng()).tolist() == msal(pool(longer), 30, rng()).tolist()


def test_msal_d_takes_the_same_number_of_each_class_from_the_uncertain() -> None:
    outputs = rng(1).normal(size=(400, 2)).astype(np.float32)
    chosen = msal_d(pool(outputs, [5, 6]), 30, rng(), beta=5)
    candidates = msal(pool(outputs, [5, 6]), 150, rng())
    assert set(chosen) <= set(candidates)
    nearest = (outputs @ simplex(3).T).argmax(axis=1)
    assert np.bincount(nearest[chosen]).tolist() == [10, 10, 10]


def test_beta_1_leaves_msals_own_choice() -> None:
    outputs = rng(3).normal(size=(90, 4)).astype(np.float32)
    assert set(msal_d(pool(outputs), 20, rng(), beta=1)) == set(msal(pool(outputs), 20, rng()))


def test_beta_times_the_budget_is_no_candidate_more_where_floats_round_up() -> None:
    outputs = rng(3).normal(size=(90, 4)).astype(np.float32)
    most_uncertain = msal(pool(outputs), 55, rng())
    assert set(msal_d(pool(outputs), 50, rng(), beta=1.1)) <= set(most_uncertain)


def test_msal_d_equals_msal_made_diverse() -> None:
    outputs = rng(4).normal(size=(90, 4)).astype(np.float32)
    one, other = rng(), rng()
    assert np.array_equal(
        msal_d(pool(outputs), 20, one, beta=3), msal(pool(outputs), 20, other, diverse={"beta": 3})
    )


def test_a_learner_with_prototypes_is_asked_about_what_lies_between_its_classes() -> None:
    truth = np.arange(60) % 3
    corners = 6 * np.eye(3)
    features = (corners[truth] + rng(5).normal(size=(60, 3))).astype(np.float32)
    features[50:] = corners.mean(axis=0)
    labels = np.where(np.arange(60) < 30, truth, UNLABELED)
    predictions = linear(Task(features, features, labels, 3), rng(), prototypes=True)
    here = Pool(features, labels, 3, predictions=predictions)
    assert set(msal(here, 10, rng())) == set(range(50, 60))


@pytest.mark.parametrize("strategy", [msal, msal_d])
def test_outputs_that_are_not_finite_are_refused(strategy: object) -> None:
    outputs = np.zeros((5, 2), dtype=np.float32)
    outputs[3] = np.nan
    with pytest.raises(ValueError, match=r"outputs must be finite.*row 3"):
        strategy(pool(outputs), 2, rng())  # type: ignore[operator]
