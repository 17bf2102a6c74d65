import numpy as np

from rayal.contracts import UNLABELED, Pool, Predictions
from rayal.strategies.dbal import dbal
from rayal.strategies.margin import margin


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pool(probs: np.ndarray, hidden: np.ndarray, labeled: int = 0) -> Pool:
    labels = np.full(len(probs), UNLABELED)
    labels[:labeled] = 0
    table = probs.astype(np.float32)
    predictions = Predictions(table[:0], lambda: table, penultimate_features=lambda: hidden)
    return Pool(np.zeros((len(probs), 1), np.float32), labels, 3, predictions=predictions)


def some_pool(labeled: int = 0) -> Pool:
    hidden = rng(2).normal(size=(200, 4)).astype(np.float32)
    return pool(rng(1).dirichlet(np.ones(3), size=200), hidden, labeled)


def test_the_choice_lies_within_the_most_uncertain() -> None:
    here = some_pool(20)
    chosen = dbal(here, 10, rng(), beta=4)
    assert set(chosen) <= set(margin(here, 40, rng()))
    assert set(chosen) != set(margin(here, 10, rng()))


def test_beta_1_leaves_the_most_uncertain() -> None:
    here = some_pool()
    assert set(dbal(here, 15, rng(), beta=1)) == set(margin(here, 15, rng()))


def test_one_image_is_taken_of_each_blob() -> None:
    blobs = np.repeat(50 * np.eye(4), 25, axis=0) + rng(3).normal(size=(100, 4))
    chosen = dbal(pool(np.full((100, 3), 1 / 3), blobs.astype(np.float32)), 4, rng(), beta=25)
    assert sorted(chosen // 25) == [0, 1, 2, 3]


def test_informative_images_draw_the_center_towards_themselves() -> None:
    hidden = np.arange(11, dtype=np.float32)[:, None]
    sure = np.tile([0.9, 0.1, 0.0], (11, 1))
    sure[9:] = [0.5, 0.5, 0]
    [plain] = dbal(pool(np.full((11, 3), 1 / 3), hidden), 1, rng(), beta=11)
    [drawn] = dbal(pool(sure, hidden), 1, rng(), beta=11)
    assert plain == 5
    # By hand: weights .2 on 0..8 and 1 on 9 and 10 have their mean at 26.2 / 3.8 = 6.9.
    assert drawn == 7


def test_candidates_that_are_all_alike_are_made_up_by_the_most_uncertain() -> None:
    probs = np.vstack([np.tile([0.5, 0.5, 0], (5, 1)), np.tile([1.0, 0, 0], (5, 1))])
    chosen = dbal(pool(probs, np.ones((10, 2), np.float32)), 4, rng(), beta=2)
    assert len(set(chosen)) == 4
    assert set(chosen) <= set(range(5)) | set(range(5, 10))
    assert np.sum(chosen < 5) >= 3
