from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rayal.contract_checks import check_choice, check_embedding, checked_predictions
from rayal.contracts import UNLABELED, Dataset, DatasetMap, Embedding, Predictions, Split, TrialData

LABELS = np.array([UNLABELED, 1, UNLABELED, UNLABELED])


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (np.array([0.0, 2.0]), "array of float64 with shape"),
        (np.array([[0, 2]]), r"shape \(1, 2\), not int64 \(2,\)"),
        (np.array([0]), "1 images, not the 2 asked for"),
        (np.array([0, 9]), "positions from 0 to 9, outside 0 to 3"),
        (np.array([-1, 0]), "positions from -1 to 0"),
        (np.array([0, 0]), "the same image more than once"),
        (np.ma.masked_array([0, 2], mask=[False, True]), "a masked array"),
        (np.array([0, 1]), "1 images that have a label already"),
        ([[0], [0, 2]], "a list that cannot be read as an array of positions"),
    ],
)
def test_a_choice_that_breaks_the_contract_is_named(chosen: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"strategy 'mine' returned .*{message}"):
        check_choice("mine", chosen, LABELS, 2)


IMAGES = np.zeros((4, 2, 2, 1), dtype=np.uint8)
DATA = Dataset(
    "data", ("a", "b"), Split(IMAGES, np.array([0, 1, 0, 1])), Split(IMAGES[:2], np.array([0, 1]))
)
GOOD = np.ones((4, 3), dtype=np.float32)
DATA_OF_TRIALS = TrialData(DATA, Embedding(GOOD, GOOD[:2]))


def test_a_strategy_may_use_its_array_again() -> None:
    buffer = np.flatnonzero(LABELS < 0)[:2]
    chosen = check_choice("mine", buffer, LABELS, 2)
    kept = chosen.tolist()
    buffer[:] = 0
    assert chosen.tolist() == kept


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (GOOD.astype(np.float64), GOOD[:2], r"training features of float64 with shape \(4, 3\)"),
        (GOOD[:3], GOOD[:2], r"shape \(3, 3\) for 4 images"),
        (GOOD, GOOD[0], r"test features of float32 with shape \(3,\)"),
        (GOOD, GOOD[:2] * np.inf, "infinite features for 2 of 2 test images of data"),
    ],
)
def test_an_encoder_that_breaks_the_contract_is_named(
    train: np.ndarray, test: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=f"encoder 'mine' gave .*{message}"):
        check_embedding("mine", Embedding(train, test), DATA)


def test_probabilities_of_several_classes_are_each_from_zero_to_one() -> None:
    columns = np.array([[1, 0], [1, 1], [0, 0], [0, 1]])
    several = Dataset("s", ("a", "b"), Split(IMAGES, columns), Split(IMAGES[:2], columns[:2]))
    data = TrialData(several, Embedding(GOOD, GOOD[:2]))
    ones = np.ones((4, 2), dtype=np.float32)
    good = Predictions(
        test=ones[:2],
        predict_pool=lambda: ones,
        last_layer=lambda: np.array([[1, 2, np.inf], [3, 4, -np.inf]], dtype=np.float32),
    )
    checked = checked_predictions("mine", good, data)
    assert np.shares_memory(checked.pool, ones)
    assert checked.last_layer is not None
    assert checked.last_layer().shape == (2, 3)
    with pytest.raises(ValueError, match=r"test probabilities outside 0 to 1 for 2 of 2 images"):
        checked_predictions("mine", replace(good, test=1.5 * ones[:2]), data)


def test_an_encoder_that_gives_other_widths_of_pool_and_test_set_is_named() -> None:
    with pytest.raises(ValueError, match=r"gave 3 features of each training image and 2 of each"):
        check_embedding("mine", Embedding(GOOD, GOOD[:2, :2]), DATA)


@pytest.mark.parametrize(("factor", "how"), [(1e20, "overflow"), (1e-20, "vanish")])
def test_features_whose_squares_leave_32_bit_floats_are_refused(factor: float, how: str) -> None:
    with pytest.raises(ValueError, match=rf"test features as large as 1e.20, .* {how}"):
        check_embedding("mine", Embedding(GOOD, GOOD[:2] * np.float32(factor)), DATA)
    check_embedding("mine", Embedding(GOOD * 0, GOOD[:2]), DATA)


@pytest.mark.parametrize("given", [None, (GOOD, GOOD[:2]), {"train": GOOD}])
def test_what_is_no_embedding_is_named(given: object) -> None:
    with pytest.raises(ValueError, match=r"encoder 'mine' returned a \w+, not an Embedding"):
        check_embedding("mine", given, DATA)


FOUR = np.full(4, 0.5, np.float32)
MAPS = {
    "of another length": (DatasetMap({0.1: FOUR[:3]}, {0.1: FOUR}, np.ones(4, np.int64)),
                          r"confidence at 0.1 has shape \(3,\); finite numbers \(4,\)"),
    "without counts": (DatasetMap({}, {}, np.ones(0, np.int64)), r"count has shape \(0,\)"),
    "not finite": (DatasetMap({0.1: FOUR}, {0.1: FOUR * np.nan}, np.ones(4, np.int64)),
                   "variability at 0.1 has shape .* and is not finite"),
    "truth of two images": (DatasetMap({}, {}, np.ones(4, np.int64), (FOUR, FOUR[:2])),
                            "truth variability has shape"),
}  # fmt: skip


@pytest.mark.parametrize("case", MAPS)
def test_a_dataset_map_that_is_not_of_each_image_is_refused(case: str) -> None:
    table, message = MAPS[case]
    with pytest.raises(ValueError, match=message):
        check_embedding("mine", Embedding(GOOD, GOOD[:2], map=table), DATA)
    right = DatasetMap({0.1: FOUR}, {0.1: FOUR}, np.ones(4, np.int64), (FOUR, FOUR))
    check_embedding("mine", Embedding(GOOD, GOOD[:2], map=right), DATA)


EVEN = np.full((4, 2), 0.5, dtype=np.float32)
NEVER_PREDICTED = np.array([[1, 2, 0], [0, 0, -np.inf]], dtype=np.float32)  # the second class


def predictions(**changed: Any) -> Predictions:
    return replace(Predictions(EVEN[:2], lambda: EVEN), **changed)


def changed(array: np.ndarray, value: float) -> np.ndarray:
    other = array.copy()
    other[1, 1] = value
    return other


def compute(given: Predictions) -> None:
    """Ask for every part."""
    assert given.pool is not None
    for part in (
        given.penultimate_features,
        given.prototype_outputs,
        given.last_layer,
        given.predict_views,
    ):
        if part is not None:
            list(part())
    if given.mc_dropout is not None:
        list(given.mc_dropout(2, np.random.default_rng(0)))


def two(good: np.ndarray, bad: np.ndarray) -> Iterator[np.ndarray]:
    yield good
    yield bad


WRONG_PREDICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "test of the pool's length": (
        {"test": EVEN},
        r"test probabilities of float32 with shape \(4, 2\); floats \(2, 2\) are needed",
    ),
    "pool of the test set's length": (
        {"predict_pool": lambda: EVEN[:2]},
        r"pool probabilities of float32 with shape \(2, 2\); floats \(4, 2\) are needed",
    ),
    "another number of classes": ({"predict_pool": lambda: GOOD}, r"floats \(4, 2\) are needed"),
    "no column for a class": (
        {"test": EVEN[:2, :1]},
        "test probabilities with 1 of 2 columns; a class without a label needs a column too",
    ),
    "a list": ({"test": EVEN[:2].tolist()}, "test probabilities of list with shape"),
    "whole numbers": ({"test": np.eye(2, dtype=int)}, "test probabilities of int64"),
    "NaN in the test set": (
        {"test": changed(EVEN[:2], np.nan)},
        "the test probabilities of 1 of 2 images are NaN .* row 1: the learner diverged",
    ),
    "infinity in the pool": (
        {"predict_pool": lambda: changed(EVEN, np.inf)},
        "the pool probabilities of 1 of 4 images are NaN .* row 1: the learner diverged",
    ),
    "log-probabilities": ({"test": np.log(EVEN[:2])}, "below zero or do not sum to one, for 2 of"),
    "percent": ({"predict_pool": lambda: 100 * EVEN}, r"in row 0, are \[50.0, 50.0\]"),
    "a pass that is no probabilities": (
        {"mc_dropout": lambda T, rng: two(EVEN, 2 * EVEN)},
        "gave dropout 2 probabilities that are below zero or do not sum to one",
    ),
    "a view of another length": (
        {"predict_views": lambda: two(EVEN, EVEN[:3])},
        r"view 2 probabilities of float32 with shape \(3, 2\)",
    ),
    "hidden features that are not finite": (
        {"penultimate_features": lambda: changed(GOOD, np.nan)},
        "the hidden features of 1 of 4 images are NaN",
    ),
    "hidden features of one image": (
        {"penultimate_features": lambda: GOOD[:1]},
        r"hidden features of float32 with shape \(1, 3\); floats \(4, H\) are needed",
    ),
    "a last layer of one class": (
        {"last_layer": lambda: GOOD[:1]},
        r"last-layer weights of float32 with shape \(1, 3\); floats \(2, H\) are needed",
    ),
    "a last layer that is infinite": (
        {"last_layer": lambda: changed(GOOD[:2], np.inf)},
        "the last-layer weights of 1 of 2 images are NaN",
    ),
    "prototype outputs of C columns": (
        {"prototype_outputs": lambda: EVEN},
        r"prototype outputs of float32 with shape \(4, 2\); floats \(4, 1\) are needed",
    ),
}


@pytest.mark.parametrize("case", WRONG_PREDICTIONS)
def test_predictions_that_break_the_contract_are_named(case: str) -> None:
    given, message = WRONG_PREDICTIONS[case]
    with pytest.raises(ValueError, match=f"learner 'mine'.*{message}"):
        compute(checked_predictions("mine", predictions(**given), DATA_OF_TRIALS))


def test_right_predictions_pass_uncopied_and_cannot_be_changed() -> None:
    given = predictions(
        mc_dropout=lambda T, rng: iter([EVEN] * T),
        predict_views=lambda: iter([EVEN]),
        penultimate_features=lambda: GOOD,
        prototype_outputs=lambda: EVEN[:, :1],
        last_layer=lambda: NEVER_PREDICTED,
    )
    checked = checked_predictions("mine", given, DATA_OF_TRIALS)
    compute(checked)
    assert np.shares_memory(checked.test, given.test)
    assert np.shares_memory(checked.pool, EVEN)
    with pytest.raises(ValueError, match="read-only"):
        checked.pool[0] = 0
    assert EVEN.flags.writeable
    assert checked.last_layer is not None
    assert checked.last_layer() is NEVER_PREDICTED
    bare = checked_predictions("mine", predictions(), DATA_OF_TRIALS)
    assert bare.mc_dropout is bare.predict_views is bare.penultimate_features is None
    assert bare.prototype_outputs is bare.last_layer is None


@pytest.mark.parametrize("given", [None, EVEN, (EVEN[:2], EVEN)])
def test_what_is_no_predictions_is_named(given: object) -> None:
    with pytest.raises(ValueError, match=r"learner 'mine' returned a \w+, not Predictions"):
        checked_predictions("mine", given, DATA_OF_TRIALS)
