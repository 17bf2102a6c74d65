from pathlib import Path
from typing import Any

import pytest

from rayal.contracts import Dataset
from rayal.datasets import imagenet, tiny_imagenet
from rayal.registry import DATASETS
from rayal.vision.torchvision_cpu import torchvision
from tests.datasets.made_up_images import folder_of_classes, noise, save

IDS = ("n02", "n01", "n03")


def load(name: str, root: Path, **given: Any) -> Dataset:
    component = DATASETS.find(name)
    data = component.function(**component.bind({"root": str(root), **given}))
    assert isinstance(data, Dataset)
    return data


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tiny-imagenet-200"
    for c, wnid in enumerate(IDS):
        for i in range(2):
            save(folder / "train" / wnid / "images" / f"{wnid}_{i}.JPEG", noise(c, 64, 64))
        (folder / "train" / wnid / f"{wnid}_boxes.txt").write_text("")
    lines = []
    for i, wnid in enumerate(("n03", "n01", "n01")):
        save(folder / "val/images" / f"val_{i}.JPEG", noise(9 + i, 64, 64), "L")
        lines.append(f"val_{i}.JPEG\t{wnid}\t0\t32\t44\t62\n")
    (folder / "val/val_annotations.txt").write_text("".join(lines))
    (folder / "wnids.txt").write_text("\n".join(IDS))
    (folder / "words.txt").write_text("n01\tcrane, bird\nn02\ttench, Tinca\nn03\tcrane\nn09\tx\n")
    monkeypatch.setattr(tiny_imagenet, "SIZES", {"train": 6, "test": 3})
    return tmp_path


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder_of_classes(tmp_path / "imagenet/train", {"n01": 3, "n02": 2})
    folder_of_classes(tmp_path / "imagenet/val", {"n01": 1, "n02": 1})
    monkeypatch.setattr(imagenet, "SIZES", {"train": 5, "test": 2})
    return tmp_path


def test_published_sizes_need_no_file() -> None:
    for name, expected in (("tiny_imagenet", (100_000, 200)), ("imagenet", (1_281_167, 1000))):
        published = DATASETS.find(name).traits.published
        assert published is not None
        assert published(**DATASETS.find(name).bind({"root": "/nowhere"})) == expected


def test_tiny_imagenet_is_read_in_its_own_layout(tiny: Path) -> None:
    data = load("tiny_imagenet", tiny)
    assert data.classes == ("crane (n01)", "tench", "crane (n03)")
    assert data.train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert data.train.images.shape == (6, 64, 64, 3)
    assert data.test.labels.tolist() == [2, 0, 0]  # the validation set; the test set has no labels
    assert data.test.images.shape == (3, 64, 64, 3)


def test_classes_without_words_have_their_ids(tiny: Path) -> None:
    (tiny / "tiny-imagenet-200/words.txt").unlink()
    assert load("tiny_imagenet", tiny).classes == ("n01", "n02", "n03")


def test_an_incomplete_tiny_imagenet_is_refused(tiny: Path) -> None:
    folder = tiny / "tiny-imagenet-200"
    (folder / "val/images/val_1.JPEG").unlink()
    with pytest.raises(ValueError, match=r"val_1\.JPEG: it cannot be read: no such file"):
        load("tiny_imagenet", tiny)
    (folder / "train/n01/images/n01_0.JPEG").unlink()
    with pytest.raises(ValueError, match=r"has {'train': 5, 'test': 3} images, and {'train': 6"):
        load("tiny_imagenet", tiny)
    (folder / "val/val_annotations.txt").write_text("val_0.JPEG\tn77\t0\n")
    with pytest.raises(
        ValueError, match=r"no class of wnids\.txt in the line \['val_0\.JPEG', 'n77"
    ):
        load("tiny_imagenet", tiny)
    (folder / "val/val_annotations.txt").unlink()
    with pytest.raises(ValueError, match=r"val_annotations\.txt is missing: remove"):
        load("tiny_imagenet", tiny)


def test_an_absent_tiny_imagenet_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load("tiny_imagenet", tmp_path)
    path = tmp_path / "tiny-imagenet-200/wnids.txt"
    assert str(caught.value).startswith(f"there is no {path}; set download: true, or run: mkdir")
    assert f"-d {tmp_path}" in str(caught.value)


def test_tiny_imagenet_is_fetched_when_asked_for(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(url: str, folder: str, *, md5: str) -> None:
        assert url.endswith("tiny-imagenet-200.zip")
        assert len(md5) == 32
        (tiny / "tiny-imagenet-200").rename(Path(folder) / "tiny-imagenet-200")

    utilities = torchvision().datasets.utils
    monkeypatch.setattr(utilities, "download_and_extract_archive", fetch)
    for _ in range(2):
        assert len(load("tiny_imagenet", tmp_path / "new", download=True).train.labels) == 6


def test_imagenet_is_read_from_its_folders(large: Path) -> None:
    data = load("imagenet", large, size=4)
    assert data.name == "imagenet"
    assert data.classes == ("n01", "n02")
    assert data.train.images.shape == (5, 4, 4, 3)
    assert data.test.labels.tolist() == [0, 1]


def test_an_absent_imagenet_says_how_to_arrange_it(tmp_path: Path, large: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no .*imagenet/train; put ILSVRC2012_img_train"):
        load("imagenet", tmp_path / "elsewhere")
    (large / "imagenet/val").rename(large / "imagenet/other")
    with pytest.raises(FileNotFoundError, match=rf"no {large}/imagenet/val; .*ImageNet\('{large}/"):
        load("imagenet", large)


def test_a_part_of_imagenet_is_refused_with_the_way_to_load_it(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagenet, "SIZES", {"train": 6, "test": 2})
    with pytest.raises(ValueError, match="a part of a dataset can be loaded by image_folder"):
        load("imagenet", large)
