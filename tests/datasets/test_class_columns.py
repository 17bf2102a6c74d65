"""Files at ChestMNIST's layout: labels (N, C) of 0 and 1, -1 where unknown."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.contracts import Dataset
from rayal.datasets.npz import npz

COUNTS = {"train": 6, "val": 2, "test": 3}


def saved(folder: Path, **changed: Any) -> str:
    """Write a file of three classes; changed: other arrays."""
    rng, arrays = np.random.default_rng(0), {}
    for split, count in COUNTS.items():
        arrays[f"{split}_images"] = rng.integers(256, size=(count, 4, 4), dtype=np.uint8)
        arrays[f"{split}_labels"] = rng.integers(2, size=(count, 3), dtype=np.uint8)
    np.savez(folder / "several.npz", **{**arrays, **changed})
    return str(folder / "several.npz")


def labels(*rows: list[int]) -> np.ndarray:
    return np.array(rows, dtype=np.int8)


def test_the_shape_of_the_labels_says_that_an_image_may_have_several(tmp_path: Path) -> None:
    data = npz(path=saved(tmp_path))
    assert isinstance(data, Dataset)
    assert data.multilabel
    assert data.classes == ("0", "1", "2")
    assert data.train.labels.shape == (6, 3)
    assert data.val is not None
    assert data.val.labels.shape == (2, 3)
    assert npz(path=saved(tmp_path), classes=["a", "b", "c"]).classes == ("a", "b", "c")


def test_unknown_entries_are_kept_and_count_in_the_content(tmp_path: Path) -> None:
    some = labels([1, 0, -1], [0, -1, 0], [1, 1, 1])
    data = npz(path=saved(tmp_path, test_labels=some))
    np.testing.assert_array_equal(data.test.labels, some)
    assert data.content != npz(path=saved(tmp_path, test_labels=np.abs(some))).content


def test_one_hot_rows_are_refused_until_somebody_says_what_they_are(tmp_path: Path) -> None:
    one_hot = {
        f"{s}_labels": np.eye(3, dtype=np.uint8)[np.arange(n) % 3] for s, n in COUNTS.items()
    }
    with pytest.raises(ValueError, match=r"exactly one class: .*argmax.* or say multilabel: true"):
        npz(path=saved(tmp_path, **one_hot))
    assert npz(path=saved(tmp_path, **one_hot), multilabel=True).multilabel
    with pytest.raises(ValueError, match=r"train_labels must be \(N,\) or \(N, 1\), not \(6, 3\)"):
        npz(path=saved(tmp_path, **one_hot), multilabel=False)


BAD = {
    "another number": (
        labels([1, 0, 2], [0, 1, 0], [1, 1, 1]),
        r"1 entries other than 0, 1 and -1",
    ),
    "nothing known": (
        labels([1, 0, 1], [-1, -1, -1], [1, 1, 1]),
        r"of 1 of 3 images .* at index 1",
    ),
    "other columns": (labels([1, 0], [0, 1], [1, 1]), r"test_labels has 2 columns for 3 classes"),
    "one class an image": (np.array([0, 1, 2]), r"test_labels must be \(N, C\), a column for each"),
    "fractions": (np.full((3, 3), 0.5), r"test_labels must be integers, not float64"),
}


@pytest.mark.parametrize(("array", "message"), BAD.values(), ids=BAD)
def test_labels_that_are_no_columns_are_refused_by_name(
    tmp_path: Path, array: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        npz(path=saved(tmp_path, test_labels=array))
    assert "several.npz" in str(caught.value)
