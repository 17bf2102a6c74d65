import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.contracts import Dataset
from rayal.datasets._files import decoded_images
from rayal.datasets._files.decode import decode
from rayal.registry import DATASETS
from tests.datasets.made_up_images import RED, folder_of_classes, noise, plain, save


def load(path: Path, **given: Any) -> Dataset:
    component = DATASETS.find("image_folder")
    data = component.function(**component.bind({"path": str(path), "size": 6, **given}))
    assert isinstance(data, Dataset)
    return data


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    root = tmp_path / "cells"
    folder_of_classes(root / "train", {"b": 3, "a": 4}, first=0)
    folder_of_classes(root / "test", {"a": 2, "b": 1}, first=500)
    return root


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files decoded so far."""
    seen: list[Path] = []

    def counting(path: Path, *given: Any) -> Any:
        seen.append(path)
        return decode(path, *given)

    monkeypatch.setattr(decoded_images, "decode", counting)
    return seen


def test_split_folders_give_their_images_and_classes_by_name(cells: Path) -> None:
    data = load(cells)
    assert data.name == "cells"
    assert data.classes == ("a", "b")
    assert data.train.labels.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert data.test.labels.tolist() == [0, 0, 1]
    assert data.train.labels.dtype == np.int64
    expected = [noise(1000 + i) for i in range(4)] + [noise(i) for i in range(3)]
    assert np.array_equal(data.train.images, np.stack(expected))
    assert np.array_equal(data.test.images, np.stack([noise(500), noise(501), noise(1500)]))
    assert data.val is None


def test_a_validation_folder_is_read(cells: Path) -> None:
    folder_of_classes(cells / "val", {"b": 2}, first=800)
    data = load(cells)
    assert data.val is not None
    assert data.val.labels.tolist() == [1, 1]


def test_one_folder_is_split_by_shares_with_a_seed(tmp_path: Path) -> None:
    root = folder_of_classes(tmp_path / "cells", {"a": 10, "b": 20})
    data, again, other = (load(root, test_share=0.2, split_seed=seed) for seed in (0, 0, 1))
    assert np.bincount(data.train.labels).tolist() == [8, 16]
    assert np.bincount(data.test.labels).tolist() == [2, 4]
    assert data.content == again.content != other.content
    both = np.concatenate([data.train.images, data.test.images])
    assert len(np.unique(both.reshape(30, -1), axis=0)) == 30


def test_folders_below_a_class_are_the_class(cells: Path) -> None:
    save(cells / "train/a/deeper/still/x.png", noise(9))
    assert np.bincount(load(cells).train.labels).tolist() == [5, 3]


def test_names_need_not_be_ascii(tmp_path: Path) -> None:
    """A class is one class, however its accents were written on the machine it came from."""
    names = {"train": ("müde", "日本"), "test": (unicodedata.normalize("NFD", "müde"), "日本")}
    for split, classes in names.items():
        for name in classes:
            save(tmp_path / "bilder ä" / split / name / "ö 1.png", noise(1))
    data = load(tmp_path / "bilder ä")
    assert data.classes == ("müde", "日本")
    assert data.name == "bilder ä"


def test_mixed_sizes_and_modes_come_to_one_shape(cells: Path) -> None:
    save(cells / "train/a/wide.jpg", plain(RED, 9, 30))
    save(cells / "train/a/gray.png", noise(3), "L")
    save(cells / "train/b/palette.gif", noise(3), "P")
    save(cells / "train/b/alpha.png", noise(3), "RGBA")
    assert load(cells).train.images.shape == (11, 6, 6, 3)


def test_one_channel_is_kept_only_where_all_files_are_gray(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("a", "b"):
            save(tmp_path / "gray" / split / name / "1.png", noise(4), "L")
    assert load(tmp_path / "gray").train.images.shape == (2, 6, 6, 1)
    assert load(tmp_path / "gray", channels=3).train.images.shape == (2, 6, 6, 3)
    save(tmp_path / "gray/test/b/2.png", noise(4))
    assert load(tmp_path / "gray").train.images.shape == (2, 6, 6, 3)
    assert load(tmp_path / "gray", channels=1).test.images.shape == (3, 6, 6, 1)


def test_a_file_that_is_replaced_while_images_are_decoded_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder_of_classes(tmp_path / "cells", {"a": 3, "b": 3})
    real = decoded_images.decode

    def replacing(path: Path, *more: Any) -> Any:
        if path.name == "001.png":
            save(path, noise(999, 7, 7))
        return real(path, *more)

    monkeypatch.setattr(decoded_images, "decode", replacing)
    with pytest.raises(ValueError, match=r"001\.png changed while the images were decoded: run"):
        load(root, test_share=0.5)
    monkeypatch.setattr(decoded_images, "decode", real)
    load(root, test_share=0.5)


def test_junk_is_passed_over(cells: Path) -> None:
    before = load(cells).content
    for name in ("train/.DS_Store", "train/a/Thumbs.db", "train/a/._000.png", "test/notes.txt"):
        (cells / name).write_text("junk")
    (cells / "train" / ".ipynb_checkpoints").mkdir()
    assert load(cells).content == before


def test_a_second_load_decodes_nothing(cells: Path, decoded: list[Path]) -> None:
    first = load(cells)
    assert len(decoded) == 10
    second = load(cells)
    assert len(decoded) == 10
    assert isinstance(second.train.images, np.memmap)
    assert first.content == second.content


def _replace_by_one_of_its_size_and_time(root: Path) -> None:
    file = root / "train/a/000.png"
    facts = file.stat()
    file.write_bytes(file.read_bytes())
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        _replace_by_one_of_its_size_and_time,
        lambda root: save(root / "train/a/000.png", noise(77)),
        lambda root: os.utime(root / "train/a/000.png", ns=(0, 0)),
        lambda root: save(root / "train/a/new.png", noise(77)),
        lambda root: (root / "train/a/000.png").unlink(),
        lambda root: (root / "train/a/000.png").rename(root / "train/a/zzz.png"),
    ],
    ids=["another of its size and time", "content", "time", "one more", "one fewer", "name"],
)
def test_a_change_of_the_files_is_seen(
    cells: Path, decoded: list[Path], change: Callable[[Path], object]
) -> None:
    load(cells)
    before = len(decoded)
    change(cells)
    load(cells)
    assert len(decoded) > before


@pytest.mark.parametrize("given", [{"size": 5}, {"channels": 1}, {"background": "white"}])
def test_another_way_of_decoding_has_a_cache_of_its_own(
    cells: Path, decoded: list[Path], given: dict[str, Any]
) -> None:
    load(cells)
    load(cells, **given)
    assert len(decoded) == 20
    load(cells)
    assert len(decoded) == 20


def test_the_cache_may_be_named(cells: Path, tmp_path: Path, own_places: Path) -> None:
    load(cells, cache=str(tmp_path / "elsewhere"))
    assert [p.name.split("-")[0] for p in (tmp_path / "elsewhere").glob("cells*")] == ["cells"]
    assert list(own_places.iterdir()) == []


def test_parallel_decoding_equals_serial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder_of_classes(tmp_path / "cells", {"a": 60, "b": 50})
    contents = []
    for cpus, block in ((1, 512), (4, 7), (3, 1)):
        monkeypatch.setattr(decoded_images, "available_cpus", lambda cpus=cpus: cpus)
        monkeypatch.setattr(decoded_images, "BLOCK", block)
        contents.append(load(root, test_share=0.2, cache=str(tmp_path / f"cache{cpus}")).content)
    assert len(set(contents)) == 1


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("no image")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(damage, "it is damaged"), (empty, r"it is empty \(0 bytes\)"), (text, "none of the formats")],
)
def test_a_bad_file_is_named(cells: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(cells / "test/b/000.png")
    with pytest.raises(ValueError, match=rf"1 of 10 images .*test/b/000\.png: .*{message}"):
        load(cells)


def test_all_bad_files_are_counted_and_five_are_named(cells: Path, own_places: Path) -> None:
    for file in [*(cells / "train").rglob("*.png")]:
        damage(file)
    with pytest.raises(
        ValueError, match=r"^7 of 10 images .*; and 2 more; mend or remove"
    ) as caught:
        load(cells)
    assert str(caught.value).count(".png:") == 5
    assert [path for path in own_places.iterdir() if path.is_dir()] == []


def test_a_huge_image_is_named(cells: Path) -> None:
    with pytest.raises(ValueError, match=r"6 x 6 pixels, more than max_pixels=35"):
        load(cells, max_pixels=35)


def make_outside(root: Path) -> Path:
    return folder_of_classes(root.parent / "outside", {"a": 1})


def make_link(root: Path) -> None:
    (root / "train/a/link.png").symlink_to("/etc/hostname.png")


def remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder)


BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a class folder without images": (
        lambda root: (root / "train/c").mkdir(), "train/c has no image: add some or remove"),
    "a class of text files": (
        lambda root: text(save(root / "train/c/1.png", noise(0)).with_suffix(".txt"))
        or (root / "train/c/1.png").unlink(), "train/c has no image"),
    "a class to test that is not trained": (
        lambda root: remove(root / "train/b"), "class 'b' has no training images"),
    "images in no class's folder": (
        lambda root: save(root / "train/1.png", noise(0)), r"train/1\.png lies in no class's"),
    "an empty test set": (
        lambda root: remove(root / "test/a", root / "test/b"), "test is empty: a folder for each"),
    "a split that is a link out": (
        lambda root: (root / "val").symlink_to(make_outside(root)), "val is a link out of"),
    "a link out of the root": (make_link, r"link\.png is a link out of"),
    "one class": (
        lambda root: remove(root / "train/b", root / "test/b"),
        "at least 2 classes are needed, and there is 1"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_folder_is_refused(cells: Path, spoil: Callable[[Path], Any], message: str) -> None:
    spoil(cells)
    with pytest.raises(ValueError, match=message):
        load(cells)


def test_an_unreadable_file_is_named(cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path, *_: Any) -> None:
        raise ValueError("it cannot be read as an image: permission denied")

    monkeypatch.setattr(decoded_images, "read_head", denied)
    with pytest.raises(ValueError, match=r"10 of 10 images .* permission denied"):
        load(cells)


def test_an_absent_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no folder /nowhere/cells; name one"):
        load(Path("/nowhere/cells"))


def test_a_folder_that_is_not_split_asks_for_a_share(tmp_path: Path, cells: Path) -> None:
    with pytest.raises(ValueError, match=r"no folders train and test; .* test_share: 0\.2"):
        load(cells / "train")
    with pytest.raises(ValueError, match="train and test already: leave test_share out"):
        load(cells, test_share=0.2)


@pytest.mark.parametrize("given", [{"size": 0}, {"test_share": 1.0}, {"channels": 2}])
def test_parameters_out_of_bounds_are_refused(cells: Path, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is refused"):
        load(cells, **given)


def test_an_imbalanced_folder_keeps_the_images_counted(tmp_path: Path) -> None:
    root = folder_of_classes(tmp_path / "cells", {"a": 20, "b": 20})
    data = load(root, test_share=0.5, imbalance={"exponential": 5})
    assert data.name == "cells-lt5"
    assert np.bincount(data.train.labels).tolist() == [10, 2]
    assert np.bincount(data.test.labels).tolist() == [10, 10]


def test_images_know_their_files(cells: Path) -> None:
    data = load(cells)
    assert data.train.files is not None
    assert data.train.files[0] == "train/a/000.png"
    assert len(data.train.files) == len(data.train.labels)
    for file, image in zip(data.train.files, data.train.images, strict=True):
        np.testing.assert_array_equal(decode(cells / file, decoded_images.Decoding(6), 3), image)


def test_files_of_a_pool_made_long_tailed_are_those_of_its_images(cells: Path) -> None:
    data = load(cells, imbalance={"exponential": 2})
    assert data.train.files is not None
    for file, label in zip(data.train.files, data.train.labels, strict=True):
        assert file.split("/")[1] == data.classes[label]


def test_images_without_labels_lead_to_the_right_command(cells: Path) -> None:
    loose = folder_of_classes(cells.parent / "loose", {".": 3})
    with pytest.raises(ValueError, match=r"3 images have no label; .*: rayal select .*loose"):
        load(loose, test_share=0.5)


def test_one_image_in_two_classes_is_told(cells: Path) -> None:
    shutil.copy(cells / "train/a/000.png", cells / "train/b/copy.png")
    told = r"1 images have another label than the same image has elsewhere, such as train/a/000.png"
    for _ in range(2):  # decoded, and from the cache
        with pytest.warns(UserWarning, match=told):
            load(cells)


def test_a_folder_at_another_place_is_decoded_for_itself(
    cells: Path, decoded: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On file systems with fixed times two versions of a folder may differ in nothing but bytes."""
    elsewhere = cells.parent / "version 2" / "cells"
    shutil.copytree(cells, elsewhere)
    files = decoded_images._state(cells, ["train/a/000.png"])
    monkeypatch.setattr(decoded_images, "_state", lambda *_: files)
    load(cells)
    load(elsewhere)
    assert len(decoded) == 20
