import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from rayal.contracts import Dataset
from rayal.datasets._files.torchvision_photos import PublishedPhotos
from rayal.registry import DATASETS
from rayal.vision.torchvision_cpu import torchvision
from tests.datasets.made_up_images import noise, save

PUBLISHED = {"flowers102": (2_040, 102), "dtd": (3_760, 47), "fgvc_aircraft": (6_667, 100)}


def load(name: str, root: Path, **given: Any) -> Dataset:
    component = DATASETS.find(name)
    data = component.function(**component.bind({"root": str(root), "size": 6, **given}))
    assert isinstance(data, Dataset)
    return data


def published_photos(name: str) -> PublishedPhotos:
    facts = importlib.import_module(f"rayal.datasets.{name}").PUBLISHED
    assert isinstance(facts, PublishedPhotos)
    return facts


def shrink(monkeypatch: pytest.MonkeyPatch, name: str, train: int, test: int) -> None:
    module = importlib.import_module(f"rayal.datasets.{name}")
    smaller = replace(published_photos(name), sizes={"train": train, "test": test})
    monkeypatch.setattr(module, "PUBLISHED", smaller)


@pytest.fixture
def flowers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "flowers-102"
    for i in range(1, 9):
        save(folder / "jpg" / f"image_{i:05d}.jpg", noise(i, 6 + i, 9))
    savemat(folder / "imagelabels.mat", {"labels": np.array([[1, 2, 1, 2, 3, 3, 1, 2]])})
    splits = {"trnid": [[5, 1, 2]], "valid": [[4, 3, 6]], "tstid": [[8, 7]]}
    savemat(folder / "setid.mat", splits)
    shrink(monkeypatch, "flowers102", 6, 2)
    return tmp_path


@pytest.fixture
def dtd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lists = {"train": ["woven/b.jpg", "dotted/a.jpg"], "val": ["woven/a.jpg"],
             "test": ["dotted/c.jpg", "woven/c.jpg"]}  # fmt: skip
    folder = tmp_path / "dtd" / "dtd"
    (folder / "labels").mkdir(parents=True)
    for split, names in lists.items():
        (folder / "labels" / f"{split}1.txt").write_text("\n".join(names) + "\n")
        for i, name in enumerate(names):
            save(folder / "images" / name, noise(i, 9, 7))
    shrink(monkeypatch, "dtd", 3, 2)
    return tmp_path


@pytest.fixture
def aircraft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "fgvc-aircraft-2013b" / "data"
    folder.mkdir(parents=True)
    (folder / "variants.txt").write_text("707-320\nF/A-18\nDR-400 X\n")
    lists = {"trainval": "0000003 F/A-18\n0000001 707-320\n0000002 DR-400 X\n",
             "test": "0000004 707-320\n"}  # fmt: skip
    for split, text in lists.items():
        (folder / f"images_variant_{split}.txt").write_text(text)
    for i in range(1, 5):
        save(folder / "images" / f"{i:07d}.jpg", noise(i, 12, 20))
    shrink(monkeypatch, "fgvc_aircraft", 3, 1)
    return tmp_path


def test_published_sizes_need_no_file() -> None:
    for name, expected in PUBLISHED.items():
        published = DATASETS.find(name).traits.published
        assert published is not None
        assert published(**DATASETS.find(name).bind({"root": "/nowhere"})) == expected


def test_flowers_to_train_and_to_validate_are_the_pool(flowers: Path) -> None:
    data = load("flowers102", flowers)
    assert data.name == "flowers102"
    assert data.classes == ("1", "2", "3")
    assert data.train.images.shape == (6, 6, 6, 3)
    assert data.train.labels.tolist() == [0, 1, 0, 1, 2, 2]  # images 1 to 6
    assert data.test.labels.tolist() == [0, 1]  # images 7 and 8
    assert data.val is None


def test_textures_of_the_first_split_are_read(dtd: Path) -> None:
    data = load("dtd", dtd)
    assert data.classes == ("dotted", "woven")
    assert data.train.labels.tolist() == [0, 1, 1]
    assert data.test.labels.tolist() == [0, 1]


def test_variants_of_aircraft_are_read(aircraft: Path) -> None:
    data = load("fgvc_aircraft", aircraft)
    assert data.classes == ("707-320", "F/A-18", "DR-400 X")
    assert data.train.labels.tolist() == [1, 0, 2]
    assert data.test.labels.tolist() == [0]


def test_a_missing_photograph_is_named(flowers: Path) -> None:
    (flowers / "flowers-102/jpg/image_00004.jpg").unlink()
    with pytest.raises(
        ValueError, match=r"1 of 8 images .*image_00004\.jpg: it cannot be read: no"
    ):
        load("flowers102", flowers)


@pytest.mark.parametrize("name", PUBLISHED)
def test_absent_files_are_named_with_the_ways_to_get_them(tmp_path: Path, name: str) -> None:
    facts = published_photos(name)
    with pytest.raises(FileNotFoundError) as caught:
        load(name, tmp_path)
    message = str(caught.value)
    path = tmp_path / facts.folder / facts.marker
    assert message.startswith(f"there is no {path}; set download: true, or run: ")
    assert "robots.ox.ac.uk" in message
    assert "{" not in message


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("flowers102", lambda root: (root / "flowers-102/imagelabels.mat").unlink()),
        ("flowers102", lambda root: (root / "flowers-102/setid.mat").write_bytes(b"half")),
        ("dtd", lambda root: (root / "dtd/dtd/labels/test1.txt").unlink()),
        ("dtd", lambda root: (root / "dtd/dtd/labels/test1.txt").write_text("felt/a.jpg\n")),
        ("fgvc_aircraft", lambda root: (root / "fgvc-aircraft-2013b/data/variants.txt").unlink()),
    ],
)
def test_damaged_lists_are_refused(
    request: pytest.FixtureRequest, name: str, spoil: Callable[[Path], Any]
) -> None:
    fixture = {"flowers102": "flowers", "fgvc_aircraft": "aircraft"}.get(name, name)
    root = request.getfixturevalue(fixture)
    spoil(root)
    with pytest.raises(ValueError, match=f"the lists of {name} in .* are damaged or not all there"):
        load(name, root)


def test_fewer_images_than_published_are_refused(
    dtd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, "dtd", 4, 2)
    with pytest.raises(ValueError, match=r"has {'train': 3, 'test': 2} images, and {'train': 4"):
        load("dtd", dtd)


@pytest.mark.parametrize("name", PUBLISHED)
def test_torchvision_fetches_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked: list[tuple[str, bool]] = []

    def fetch(root: str, *, download: bool) -> None:
        asked.append((root, download))

    monkeypatch.setattr(torchvision().datasets, published_photos(name).torchvision_class, fetch)
    with pytest.raises(FileNotFoundError, match="not in what was fetched"):
        load(name, tmp_path / "new", download=True)
    assert asked == [(str(tmp_path / "new"), True)]
