from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.datasets.npz import npz
from rayal.registry import DATASETS


def arrays(**other: Any) -> dict[str, Any]:
    """A good file's arrays, with some exchanged; None takes one away."""
    rng = np.random.default_rng(0)
    good: dict[str, Any] = {}
    for split, n in (("train", 12), ("val", 6), ("test", 9)):
        good[f"{split}_images"] = rng.integers(256, size=(n, 5, 4, 3), dtype=np.uint8)
        good[f"{split}_labels"] = (np.arange(n) % 3).astype(np.uint8)[:, None]
    return {key: array for key, array in {**good, **other}.items() if array is not None}


def saved(folder: Path, **other: Any) -> str:
    path = folder / "cells.npz"
    np.savez(path, **arrays(**other))
    return str(path)


def test_a_good_file_gives_its_arrays(tmp_path: Path) -> None:
    data = npz(path=saved(tmp_path), classes=["a", "b", "c"])
    assert data.name == "cells"
    assert data.classes == ("a", "b", "c")
    assert data.val is not None
    for split, found in (("train", data.train), ("val", data.val), ("test", data.test)):
        assert np.array_equal(found.images, arrays()[f"{split}_images"])
        assert np.array_equal(found.labels, arrays()[f"{split}_labels"][:, 0])
        assert found.labels.dtype == np.int64


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64, np.uint64])
def test_labels_may_be_of_any_integer_type_and_flat(tmp_path: Path, dtype: Any) -> None:
    labels = (np.arange(12) % 3).astype(dtype)
    data = npz(path=saved(tmp_path, train_labels=labels))
    assert data.train.labels.dtype == np.int64
    assert np.array_equal(data.train.labels, labels)
    assert data.classes == ("0", "1", "2")


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1)])
def test_gray_images_get_one_channel(tmp_path: Path, shape: tuple[int, ...]) -> None:
    gray = {f"{s}_images": np.zeros((n, *shape), np.uint8)
            for s, n in (("train", 12), ("val", 6), ("test", 9))}  # fmt: skip
    assert npz(path=saved(tmp_path, **gray)).train.images.shape == (12, 5, 4, 1)


@pytest.mark.parametrize(
    "val",
    [
        {"val_images": None, "val_labels": None},
        {"val_images": np.zeros((0, 5, 4, 3), np.uint8), "val_labels": np.zeros((0, 1), np.uint8)},
        {"val_images": np.zeros(0), "val_labels": np.zeros(0)},
    ],
    ids=["absent", "empty", "empty without a shape"],
)
def test_the_validation_set_may_be_left_out(tmp_path: Path, val: dict[str, Any]) -> None:
    assert npz(path=saved(tmp_path, **val)).val is None


def outside(value: int) -> np.ndarray:
    labels = np.arange(12) % 3
    labels[[4, 7]] = value
    return labels


def images(n: int = 12, *shape: int) -> np.ndarray:
    return np.zeros((n, *(shape or (5, 4, 3))), np.uint8)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a missing array": ({"test_labels": None}, "array 'test_labels' is missing; it has train_im"),
    "half a validation set": ({"val_labels": None}, "array 'val_labels' is missing"),
    "pickled objects": ({"train_labels": np.array([{}] * 12)}, "'train_labels' is damaged or no"),
    "float images": ({"train_images": np.zeros((12, 5, 4))}, "train_images must be uint8 .*float"),
    "flat images": ({"train_images": images(12, 60)}, r"must be \(N, H, W\) or .*not \(12, 60\)"),
    "3-D images": ({"train_images": images(12, 28, 28, 28)}, r"not \(12, 28, 28, 28\)"),
    "no pixels": ({"train_images": images(12, 0, 4)}, r"not \(12, 0, 4, 1\)"),
    "a single number": ({"train_images": np.uint8(3)}, "train_images must be"),
    "fewer labels": ({"train_labels": np.zeros(11, int)}, "12 train_images, but 11 train_labels"),
    "another size": ({"test_images": images(9, 6, 6)}, r"test_images have the shape \(6, 6, 1\)"),
    "float labels": ({"train_labels": np.zeros(12)}, "train_labels must be integers, not float64"),
    "one-hot labels": ({"train_labels": np.eye(12, dtype=int)}, "train_labels.* exactly one class"),
    "cubic labels": ({"train_labels": np.zeros((12, 1, 1), int)}, r"must be \(N,\) or \(N, 1\)"),
    "a negative label": ({"train_labels": outside(-1)}, "2 of 12 .* 0 to 2, .* -1 at index 4"),
    "unused numbers": ({"train_labels": outside(9)}, "labels go up to 9, but no image has .* 3;"),
    "no training images": (
        {"train_images": images(0), "train_labels": np.zeros(0, int)}, "train_images is empty"),
    "no test images": (
        {"test_images": images(0), "test_labels": np.zeros(0, int)}, "test_images is empty"),
    "one class": ({f"{s}_labels": np.zeros(n, int) for s, n in
                   (("train", 12), ("val", 6), ("test", 9))}, "at least 2 classes"),
}  # fmt: skip


@pytest.mark.parametrize(("other", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_array_is_refused_by_name(
    tmp_path: Path, other: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        npz(path=saved(tmp_path, **other))
    assert "cells.npz" in str(caught.value)


def test_labels_outside_named_classes_are_counted_and_shown(tmp_path: Path) -> None:
    path = saved(tmp_path, train_labels=outside(7))
    with pytest.raises(ValueError, match=r"2 of 12 train_labels are outside .* is 7 at index 4"):
        npz(path=path, classes=["a", "b", "c"])


def test_a_class_may_be_without_images_where_classes_are_named(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="1 of 4 classes have no image to train .*: rare"):
        assert npz(path=saved(tmp_path), classes=["a", "b", "c", "rare"]).num_classes == 4


def test_an_absent_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file /nowhere/cells\.npz"):
        npz(path="/nowhere/cells.npz")


@pytest.mark.parametrize("keep", [0, 10, 200, -30])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = Path(saved(tmp_path))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"cells\.npz cannot be read as MedMNIST's \.npz"):
        npz(path=str(path))


def test_a_damaged_compressed_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cells.npz"
    np.savez_compressed(path, **arrays())
    content = bytearray(path.read_bytes())
    content[200:400] = b"\xff" * 200
    path.write_bytes(content)
    with pytest.raises(ValueError, match="'train_images' is damaged or no plain array"):
        npz(path=str(path))


def test_a_lone_array_and_a_text_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "lone.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("no archive")
    for name in ("lone.npy", "text.npz"):
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            npz(path=str(tmp_path / name))


def test_parameters_are_checked_as_a_sweep_file_gives_them() -> None:
    component = DATASETS.find("npz")
    assert component.bind({"path": "a", "classes": ["x", "y"]})["classes"] == ["x", "y"]
    with pytest.raises(ValueError, match="needs the parameter 'path'"):
        component.bind({})
    with pytest.raises(ValueError, match="classes=3 is refused"):
        component.bind({"path": "a", "classes": 3})


@pytest.mark.parametrize(
    ("name", "sizes", "classes"),
    [("pbcblood", (11_959, 3_421), 8), ("cifar10_lt", (12_406, 10_000), 10)],
)
def test_real_files_load(real_data: Path, name: str, sizes: tuple[int, int], classes: int) -> None:
    data = npz(path=str(real_data / f"{name}.npz"))
    assert (len(data.train.labels), len(data.test.labels)) == sizes
    assert data.num_classes == classes
    assert (data.val is None) == (name == "cifar10_lt")


def _the_same(first: str, other: str) -> dict[str, Any]:
    good = arrays()
    changed = good[f"{other}_images"].copy()
    changed[1] = good[f"{first}_images"][0]  # of class 0, and this one of class 1
    return {f"{other}_images": changed}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (_the_same("train", "test"), r"1 images are in the test set and outside it, such as "
         r"train_images\[0\] and test_images\[1\]"),
        (_the_same("train", "train"), r"1 images have another label than the same image has "
         r"elsewhere, such as train_images\[0\] and train_images\[1\]"),
        ({f"{split}_images": arrays()[f"{split}_images"] % 2 for split in ("train", "val", "test")},
         "the brightest pixel of all images is 1 of 255"),
        ({"train_images": arrays()["train_images"] % 2},
         "the brightest pixel of all images to train is 1 of 255"),
        ({"valid_images": np.zeros(3)}, "its arrays valid_images are not read"),
    ],
    ids=["in the test set", "two labels", "dark", "dark in one split", "other arrays"],
)  # fmt: skip
def test_what_may_be_a_mistake_is_told(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    with pytest.warns(UserWarning, match=message):
        npz(path=saved(tmp_path, **other))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["a", "b", "a"], "the class 'a' is named twice"),
        (["a", "b", "A"], "the classes 'a' and 'A' look alike"),
        (["1", "2", "2.0"], "the classes '2' and '2.0' look alike"),
        (["a", "\u200b", "c"], "a class has no name that can be seen"),
    ],
)
def test_names_of_classes_must_differ_and_be_seen(
    tmp_path: Path, classes: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        npz(path=saved(tmp_path), classes=classes)
