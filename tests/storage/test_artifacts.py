"""What encoders leave in a run."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rayal.contracts import Embedding
from rayal.storage.files import DamagedError, StoreError
from rayal.storage.run import RunStore
from tests.storage.records import embedding


def test_an_embedding_comes_back_as_it_was(held: RunStore) -> None:
    before = embedding()
    held.artifacts.save("key", before, {"seconds": 1})
    after = held.artifacts.embedding("key")
    np.testing.assert_array_equal(after.train, before.train)
    np.testing.assert_array_equal(after.test, before.test)
    assert after.map is not None
    assert before.map is not None
    assert list(after.map.confidence) == [0.2, 0.05, 0.001]
    for tau, values in before.map.confidence.items():
        np.testing.assert_array_equal(after.map.confidence[tau], values)
        np.testing.assert_array_equal(after.map.variability[tau], before.map.variability[tau])
    assert after.weights is not None
    assert list(after.weights) == ["conv.weight"]
    assert not after.train.flags.writeable
    np.testing.assert_array_equal(after.views, before.views)
    assert isinstance(after.views, np.memmap)
    assert after.map.truth is None


def test_what_a_training_went_on_from_goes_when_its_embedding_is_kept(held: RunStore) -> None:
    with held.artifacts.checkpoint_dir("key") as folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "epoch-3.pt").write_bytes(b"weights")
    with held.artifacts.checkpoint_dir("other") as folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "epoch-1.pt").write_bytes(b"weights")
    held.artifacts.save("key", embedding(), {})
    assert not held.artifacts.checkpoint_folder("key").exists()
    assert held.artifacts.checkpoint_folder("other").exists()


def test_an_embedding_of_features_alone_has_nothing_else(held: RunStore) -> None:
    before = embedding()
    held.artifacts.save("key", Embedding(before.train, before.test), {})
    after = held.artifacts.embedding("key")
    assert (after.map, after.weights, after.views) == (None, None, None)
    names = {path.name for path in held.artifacts.folder("key").iterdir()}
    assert names == {"train.npy", "test.npy", "about.json", "whole.json"}


@pytest.mark.parametrize("order", ["C", "F"])
def test_views_are_written_as_numpy_writes_them(held: RunStore, order: str) -> None:
    before = embedding()
    views = np.array(before.views, order=order)
    held.artifacts.save("key", dataclasses.replace(before, views=views), {})
    np.testing.assert_array_equal(np.load(held.artifacts.folder("key") / "views.npy"), before.views)


def test_the_second_writer_of_an_artefact_changes_nothing(held: RunStore) -> None:
    first = embedding()
    held.artifacts.save("key", first, {})
    held.artifacts.save("key", Embedding(first.train + 1, first.test), {})
    np.testing.assert_array_equal(held.artifacts.embedding("key").train, first.train)
    assert [p.name for p in (held.root / "artefacts").iterdir()] == ["key"]


def _as_of_an_earlier_version(folder: Path) -> None:
    """Take away the hashes, and the key, which says that there have to be hashes."""
    (folder / "whole.json").unlink()
    (folder / "about.json").write_text("{}")


def _change(path: Path, change: str) -> None:
    content = path.read_bytes()
    array = np.load(path) if path.suffix == ".npy" else None
    if change == "gone":
        path.unlink()
    elif change == "cut short":
        path.write_bytes(content[:-5])
    elif change == "empty":
        path.write_bytes(b"")
    elif change == "one bit":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif change == "NaN":
        np.save(path, np.full_like(array, np.nan))
    elif change == "reversed":
        np.save(path, array[::-1])
    elif change == "pickle":
        np.save(path, np.array([{"a": 1}], dtype=object))


FILES = ("train.npy", "test.npy", "views.npy", "map.parquet", "weights.safetensors", "about.json")
CHANGES = ("gone", "cut short", "empty", "one bit")


@pytest.mark.parametrize(
    ("name", "change"),
    [*((name, change) for name in FILES for change in CHANGES), ("train.npy", "NaN"),
     ("train.npy", "reversed"), ("train.npy", "pickle")],
)  # fmt: skip
def test_an_artifact_that_is_not_what_was_written_is_named_and_made_again(
    held: RunStore, name: str, change: str
) -> None:
    first = embedding()
    held.artifacts.save("key", first, {})
    assert held.artifacts.set_aside_damaged("key") == ""
    _change(held.artifacts.folder("key") / name, change)
    wrong = rf"artefacts/key is damaged \({name} is .*\); remove it and run the same command"
    with pytest.raises(DamagedError, match=wrong):
        held.artifacts.embedding("key")
    note = held.artifacts.set_aside_damaged("key")
    assert note.endswith("key.set-aside now, and is made again")
    assert "\n" not in note
    assert not held.artifacts.is_complete("key")
    held.artifacts.save("key", first, {})
    np.testing.assert_array_equal(held.artifacts.embedding("key").train, first.train)


def _without_manifest(folder: Path) -> None:
    (folder / "whole.json").unlink()


def _with_empty_manifest(folder: Path) -> None:
    (folder / "whole.json").write_text('{"files": {}}')


def _with_another_array(folder: Path) -> None:
    (folder / "map.parquet").unlink()
    lines = json.loads((folder / "whole.json").read_text())
    del lines["files"]["map.parquet"]
    (folder / "whole.json").write_text(json.dumps(lines))
    np.save(folder / "map.npy", np.zeros(3))


def _with_a_link_to_itself(folder: Path) -> None:
    (folder / "test.npy").unlink()
    (folder / "test.npy").symlink_to("test.npy")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (_without_manifest, "whole.json is missing"),
        (_with_empty_manifest, "map.parquet was not written with it"),
        (_with_another_array, "map.npy was not written with it"),
        (_with_a_link_to_itself, "test.npy is a link to itself"),
    ],
)
def test_what_cannot_be_held_against_hashes_is_made_again(
    held: RunStore, change: Callable[[Path], None], wrong: str
) -> None:
    held.artifacts.save("key", embedding(), {})
    change(held.artifacts.folder("key"))
    with pytest.raises(DamagedError, match=rf"is damaged \({wrong}\); remove it"):
        held.artifacts.embedding("key")
    assert wrong in held.artifacts.set_aside_damaged("key")


def test_notes_beside_the_arrays_are_no_damage(held: RunStore) -> None:
    held.artifacts.save("key", embedding(), {})
    (held.artifacts.folder("key") / "notes.txt").write_text("mine")
    (held.artifacts.folder("key") / "._train.npy").write_text("of a file server")
    assert held.artifacts.set_aside_damaged("key") == ""


@pytest.mark.parametrize("link", [False, True])
def test_an_artifact_under_the_name_of_another_is_made_again(held: RunStore, link: bool) -> None:
    held.artifacts.save("other", embedding(), {})
    own, other = held.artifacts.folder("key"), held.artifacts.folder("other")
    own.symlink_to(other) if link else shutil.copytree(other, own)
    with pytest.raises(DamagedError, match="it is the embedding other, under another name"):
        held.artifacts.embedding("key")
    with pytest.raises(DamagedError, match="under another name"):
        held.artifacts.local_copy("key")
    assert "under another name" in held.artifacts.set_aside_damaged("key")
    assert not held.artifacts.is_complete("key")
    assert held.artifacts.set_aside_damaged("other") == ""


def test_a_link_to_nothing_in_the_place_of_an_artifact_is_set_aside(held: RunStore) -> None:
    held.artifacts.folder("key").symlink_to("nothing")
    assert "is no folder" in held.artifacts.set_aside_damaged("key")
    held.artifacts.save("key", embedding(), {})
    assert held.artifacts.is_complete("key")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"files": 1}', b'{"files": {"a": 1}}'])
def test_a_damaged_manifest_is_damage_of_its_artifact(held: RunStore, content: bytes) -> None:
    held.artifacts.save("key", embedding(), {})
    (held.artifacts.folder("key") / "whole.json").write_bytes(content)
    with pytest.raises(DamagedError, match="artefacts/key is damaged"):
        held.artifacts.embedding("key")


@pytest.mark.parametrize(
    ("name", "change", "wrong"),
    [("train.npy", "gone", "No such file"), ("train.npy", "cut short", "mmap"),
     ("train.npy", "empty", "No data left"), ("train.npy", "NaN", "features are not finite"),
     ("train.npy", "pickle", "Python objects"), ("map.parquet", "cut short", "Parquet"),
     ("weights.safetensors", "cut short", "")],
)  # fmt: skip
def test_an_artifact_of_a_version_without_hashes_is_looked_at_for_what_can_be_told(
    held: RunStore, name: str, change: str, wrong: str
) -> None:
    held.artifacts.save("key", embedding(), {})
    _as_of_an_earlier_version(held.artifacts.folder("key"))
    held.artifacts.embedding("key")
    _change(held.artifacts.folder("key") / name, change)
    with pytest.raises(DamagedError, match=rf"artefacts/key is damaged .*{wrong}.*; remove it"):
        held.artifacts.embedding("key")


def test_features_and_views_that_do_not_fit_together_are_damage(held: RunStore) -> None:
    whole = embedding()
    for number, part in enumerate(
        (
            {"views": whole.views[:, :4]},
            {"test": np.ones((2, 4), np.float32)},
            {"train": np.ones(6, np.float32)},
            {"train": np.ones((5, 3), np.float32), "views": None},
        )
    ):
        key = str(number)
        held.artifacts.save(key, dataclasses.replace(whole, **part), {})
        _as_of_an_earlier_version(held.artifacts.folder(key))
        with pytest.raises(DamagedError, match="fit to"):
            held.artifacts.embedding(key)


def test_an_artifact_that_may_not_be_read_is_not_damaged(
    held: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.artifacts.save("key", embedding(), {})

    def deny(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)
    with pytest.raises(StoreError, match="cannot be read: Permission denied") as told:
        held.artifacts.embedding("key")
    assert not isinstance(told.value, DamagedError)
