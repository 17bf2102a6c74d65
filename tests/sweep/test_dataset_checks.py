"""A dataset that is not as its contract says is refused before a plan is made of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rayal.contracts import Dataset, Split
from rayal.sweep.dataset_checks import check_dataset

N, M = 12, 6


def _images(count: int, side: int = 4) -> Any:
    return np.zeros((count, side, side, 1), np.uint8)


def _data(train: Any = None, tested: Any = None, **more: Any) -> Dataset:
    """A dataset of two classes with some labels, and what else is to differ."""
    train = np.arange(N) % 2 if train is None else train
    tested = np.arange(M) % 2 if tested is None else tested
    data = Dataset("mine", ("a", "b"), Split(_images(N), train), Split(_images(M), tested))
    return replace(data, **more)


def _several(train: Any, test: Any = None) -> Dataset:
    zeros = np.zeros((M, 2), np.int64)
    return _data(train, zeros if test is None else test)


MASKED = np.where(np.arange(N) == 3, -1, np.arange(N) % 2)
COLUMNS = np.ones((N, 2), np.int64)
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "no test set": (lambda: _data(test=None), "test is of type None"),
    "none": (lambda: None, "returned None, of type NoneType; return rayal.contracts.Dataset"),
    "a label beyond the classes": (lambda: _data(np.arange(N) % 3), "outside 0 to 1.* 2 at"),
    "an unknown label": (lambda: _data(MASKED), "0 to 1, the first is -1 at index 3"),
    "an unknown label to test": (lambda: _data(tested=np.full(M, -1)), "test.labels has 6 entries"),
    "a label that wraps": (lambda: _data(np.full(N, 2**64 - 1, np.uint64)), "is 184467440737"),
    "labels as numbers with a point": (lambda: _data(np.zeros(N)), "train.labels is float64"),
    "labels as text": (lambda: _data(np.array(["a"] * N)), "integers"),
    "labels in a list": (lambda: _data([0, 1] * 6), "train.labels is of type list"),
    "masked labels": (
        lambda: _data(np.ma.array([0, 1] * 6, mask=[True] + [False] * 11)),
        "train.labels is a masked array with 1 masked values",
    ),
    "labels in a column": (lambda: _data(np.zeros((N, 1), int)), r"shape \(12, 1\).* of 2 classes"),
    "too few labels": (lambda: _data(np.zeros(N - 1, int)), "11 labels for 12 images"),
    "too many labels": (lambda: _data(tested=np.zeros(M + 1, int)), "7 labels for 6 images"),
    "files of some": (
        lambda: _data(val=Split(_images(2), np.zeros(2, int), ["x"])), "val has 1 files for 2"),
    "no image to test": (lambda: replace(_data(), test=Split(_images(0), np.zeros(0, int))),
                         "test has no image; at least one is needed to test"),
    "images of numbers with a point": (
        lambda: _data(val=Split(_images(2) / 255, np.zeros(2, int))), "val.images is float64"),
    "images without channels": (
        lambda: _data(val=Split(_images(2)[..., 0], np.zeros(2, int))), r"of shape \(2, 4, 4\)"),
    "images of two shapes": (
        lambda: _data(val=Split(_images(2, 5), np.zeros(2, int))), r"shape \(5, 5, 1\) each"),
    "two classes of one name": (lambda: _data(classes=("a", "a")), "2 classes are named 'a'"),
    "a class without a name": (lambda: _data(classes=("a", " ")), "a class has no name"),
    "one class": (lambda: _data(np.zeros(N, int), np.zeros(M, int), classes=("a",)), "at least 2"),
    "classes in one text": (lambda: _data(classes="ab"), "classes is 'ab'; name at least 2"),
    "a name that is none": (lambda: _data(name=3), "its name is 3; give it a text"),
    "a name not in UTF-8": (lambda: _data(name="d\udce9"), "udce9.* no text that UTF-8"),
    "a class not in UTF-8": (lambda: _data(classes=("a", "\udce9")), "no text that UTF-8"),
    "several classes, twos": (lambda: _several(COLUMNS * 2), "24 entries outside -1 to 1"),
    "several classes, nothing known": (lambda: _several(-COLUMNS), "nothing is known of 12 of 12"),
    "several classes, a column more": (lambda: _several(np.ones((N, 3), int)), "of 2 classes"),
    "several classes, one to test": (lambda: _several(COLUMNS, np.zeros(M, int)), "6,"),
    "first labels beyond": (lambda: _data(initial_pool=np.array([99])), "99 to 99, outside"),
    "first labels twice": (lambda: _data(initial_pool=np.array([1, 1])), "of distinct positions"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_dataset_is_refused_with_its_values(what: str) -> None:
    make, message = WRONG[what]
    with pytest.raises(ValueError, match=message):
        check_dataset("mine", make())


@pytest.mark.parametrize(
    "data",
    [
        _data(),
        _data(np.arange(N).astype(np.uint8) % 2),
        _data(classes=["a", 1]),
        _several(COLUMNS),
        _several(np.where(np.arange(2 * N).reshape(N, 2) % 2, -1, COLUMNS)),
        _data(initial_pool=np.array([0, 3])),
        _data(val=Split(_images(1), np.zeros(1, int), ["x.png"])),
    ],
)
def test_a_dataset_as_its_contract_says_is_taken(data: Dataset) -> None:
    check_dataset("mine", data)
