"""What encoders leave in a run."""

import dataclasses

import numpy as np
import pytest

from rayal.contracts import Embedding
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
    assert names == {"train.npy", "test.npy", "about.json"}


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


def test_features_with_a_pickle_inside_are_not_opened(held: RunStore) -> None:
    held.artifacts.save("key", embedding(), {})
    np.save(held.artifacts.folder("key") / "train.npy", np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="Python objects"):
        held.artifacts.embedding("key")
