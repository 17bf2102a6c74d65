"""The images of a dataset lie once in a run, and are found in runs of earlier versions too."""

from pathlib import Path

import numpy as np
import pytest

from rayal.contracts import Embedding
from rayal.storage.location import Location
from rayal.storage.run import RunStore
from tests import sweeps
from tests.storage.records import embedding

FORMAT_1 = Path(__file__).parent.parent / "data" / "run-format-1" / "run"
LABELS = np.array([2, 0, 1, 1, 0, 2])
PICTURES = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)


def keep(root: Location, name: str = "blobs", key: str = "key") -> RunStore:
    store = RunStore(root)
    store.images.save(name, "c0ffee", LABELS, PICTURES)
    store.artifacts.save(key, embedding(), {"dataset": name, "content": "c0ffee"})
    return store


def test_labels_and_pictures_come_back_as_they_were(root: Location) -> None:
    found = keep(root).images.stored_images("key")
    assert found is not None
    np.testing.assert_array_equal(found.labels, LABELS)
    np.testing.assert_array_equal(found.thumbnails, PICTURES)


def test_two_encoders_share_the_images_of_their_dataset(tmp_path: Path) -> None:
    for key in ("one", "other"):
        store = keep(tmp_path, key=key)
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["blobs-c0ffee"]
    assert len(list(tmp_path.rglob("labels.npy"))) == 1
    for key in ("one", "other"):
        found = store.images.stored_images(key)
        assert found is not None
        assert found.labels is not None


def test_an_artifact_of_format_1_holds_its_images_itself() -> None:
    [key] = [path.name for path in (FORMAT_1 / "artefacts").iterdir()]
    found = RunStore(FORMAT_1).images.stored_images(key)
    assert found is not None
    assert found.labels is not None
    assert np.bincount(found.labels).tolist() == [14, 14, 14]
    assert found.thumbnails is not None
    assert len(found.thumbnails) == 42


def test_there_are_none_without_an_artifact_or_where_none_were_kept(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    assert store.images.stored_images("key") is None
    features = embedding()
    store.artifacts.save("key", Embedding(features.train, features.test), {})
    found = store.images.stored_images("key")
    assert found is not None
    assert (found.labels, found.thumbnails) == (None, None)


@pytest.mark.parametrize("name", ["a/b", "../../x", "ä b", "n" * 300])
def test_any_name_of_a_dataset_makes_a_folder_of_the_run(tmp_path: Path, name: str) -> None:
    keep(tmp_path / "run", name)
    [folder] = (tmp_path / "run" / "datasets").iterdir()
    assert folder.name.endswith("-c0ffee")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.slow
def test_a_sweep_keeps_the_images_once_for_two_encoders(tmp_path: Path) -> None:
    encoders = ["pixels", {"name": "pixels", "views": 2}]
    path = sweeps.write_sweep(tmp_path, encoders=encoders, strategies=["random"], seeds=1)
    assert sweeps.run(path, tmp_path / "run", "--local").returncode == 0
    keys = [folder.name for folder in (tmp_path / "run" / "artefacts").iterdir()]
    assert len(keys) == 2
    assert len(list((tmp_path / "run").rglob("labels.npy"))) == 1
    for key in keys:
        found = RunStore(tmp_path / "run").images.stored_images(key)
        assert found is not None
        assert found.thumbnails is not None


def test_names_of_files_come_back_as_they_were(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    files = ["a b.png", "line\nbreak.png", 'é,".png', "c/d.png", "e.png", "f.png"]
    store.images.save("blobs", "c0ffee", LABELS, PICTURES, files)
    store.artifacts.save("key", embedding(), {"dataset": "blobs", "content": "c0ffee"})
    found = store.images.stored_images("key")
    assert found is not None
    assert found.files == files


def test_data_without_files_have_no_names(tmp_path: Path) -> None:
    found = keep(tmp_path).images.stored_images("key")
    assert found is not None
    assert found.files is None
