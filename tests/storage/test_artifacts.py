"""What encoders leave in a run."""

import dataclasses
import os
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
    (held.artifacts.folder("key") / "whole.json").unlink()
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
        (held.artifacts.folder(key) / "whole.json").unlink()
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
