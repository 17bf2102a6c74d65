from pathlib import Path

import numpy as np
import pytest

from rayal.contracts import Dataset, Split
from rayal.datasets._files import content_hash as content
from rayal.datasets._files.content_hash import with_content


def data(folder: Path, label: int = 0, value: int = 7) -> Dataset:
    """Two images of train and test in arrays of the folder."""
    for split in ("train", "test"):
        if not (folder / f"{split}.npy").exists():
            np.save(folder / f"{split}.npy", np.full((2, 3, 3, 1), value, np.uint8))
    splits = [
        Split(np.load(folder / f"{split}.npy", mmap_mode="r"), np.array([label, 1]))
        for split in ("train", "test")
    ]
    return Dataset("d", ("a", "b"), *splits)


def known_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Dataset) -> str:
        raise AssertionError("the images are read again")

    monkeypatch.setattr(Dataset.__dict__["content"], "func", refuse)


def test_the_content_is_that_of_the_images_and_is_worked_out_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = data(tmp_path).content
    assert with_content(data(tmp_path), tmp_path).content == expected
    known_only(monkeypatch)
    assert with_content(data(tmp_path), tmp_path).content == expected


def test_other_labels_and_changed_images_have_another_content(tmp_path: Path) -> None:
    first = with_content(data(tmp_path), tmp_path).content
    other = with_content(data(tmp_path, label=1), tmp_path).content
    for split in ("train", "test"):
        (tmp_path / f"{split}.npy").unlink()
    changed = with_content(data(tmp_path, value=8), tmp_path).content
    assert len({first, other, changed}) == 3
    assert changed == data(tmp_path).content


def test_a_folder_that_takes_no_files_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path, content: bytes) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(content, "write_bytes", refuse)
    assert with_content(data(tmp_path), tmp_path).content == data(tmp_path).content


def test_nothing_but_arrays_and_the_hash_is_left(tmp_path: Path) -> None:
    with_content(data(tmp_path), tmp_path)
    assert sorted(p.name.split("-")[0] for p in tmp_path.iterdir()) == [
        "content", "test.npy", "train.npy",
    ]  # fmt: skip
