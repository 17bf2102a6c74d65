import functools
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rayal.contracts import Embedding, Split
from rayal.kernels.feature_transform import fit_transform
from rayal.registry import ENCODERS
from rayal.run import encoding
from rayal.run.encoding import make_embedding, thumbnails
from rayal.storage.run import RunStore
from tests.sweep.small_sweeps import plan_of


def test_thumbnails_are_small_and_left_out_where_they_would_fill_the_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = np.arange(3)
    large = Split(np.arange(3 * 70 * 40 * 3).reshape(3, 70, 40, 3).astype(np.uint8), labels)
    small = thumbnails(large)
    assert small is not None
    assert small.images.shape == (3, 24, 14, 3)
    assert np.array_equal(small.images[:, 1, 2], large.images[:, 3, 6])
    grey = thumbnails(Split(np.zeros((3, 8, 8, 1), np.uint8), labels))
    assert grey is not None
    assert grey.images.shape == (3, 8, 8)
    monkeypatch.setattr(encoding, "MOST_THUMBNAILS", 100)
    assert thumbnails(large) is None


def test_fewer_components_than_were_asked_for_are_told_with_their_number() -> None:
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    embedding = Embedding(rows, rows)
    with pytest.warns(UserWarning, match=r"100 principal components are asked for.* has 3"):
        assert embedding.transformed({"pca": 100}).train.shape == (5, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embedding.transformed({"pca": 3})
        embedding.transformed({"unit": True})


def test_a_network_runs_once_for_all_transforms_of_its_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {"name": "random", "backbone": "small_cnn"}
    entries = [
        plain,
        {**plain, "features": {"unit": True, "half_whiten": 8}},
        {**plain, "features": {"whiten": 4}},
    ]
    plan = plan_of(tmp_path, encoders=entries)
    times, network = [], ENCODERS.find("random").function

    def counted(*given: object, **params: object) -> object:
        times.append(1)
        return network(*given, **params)

    component = replace(ENCODERS.find("random"), function=functools.wraps(network)(counted))
    monkeypatch.setitem(ENCODERS._components, "random", component)
    store = RunStore(tmp_path / "run")
    trials = list(plan.embeddings.values())
    for trial in reversed(trials):  # the plain one last
        make_embedding(trial, store, lambda report: None, threads=1)
    made = [store.artifacts.embedding(trial.embedding_id) for trial in trials]
    assert len(times) == 1
    assert [one.train.shape[1] for one in made] == [128, 8, 4]
    expected = fit_transform(made[0].train, {"whiten": 4})
    np.testing.assert_array_equal(made[2].train, expected(made[0].train))
    np.testing.assert_array_equal(made[2].test, expected(made[0].test))
    assert made[2].weights is not None


def test_damaged_features_that_others_are_made_of_are_made_again(tmp_path: Path) -> None:
    transform = {"unit": True}
    plan = plan_of(tmp_path, encoders=["pixels", {"name": "pixels", "features": transform}])
    plain, transformed = plan.embeddings.values()
    store = RunStore(tmp_path / "run")
    make_embedding(plain, store, lambda report: None, threads=1)
    folder = store.artifacts.folder(plain.embedding_id)
    assert isinstance(folder, Path)
    before = np.load(folder / "train.npy")
    np.save(folder / "train.npy", before[::-1])
    with pytest.warns(UserWarning, match="train.npy is not what was written.* is made again"):
        make_embedding(transformed, store, lambda report: None, threads=1)
    expected = fit_transform(before, transform)(before)
    made = store.artifacts.embedding(transformed.embedding_id)
    np.testing.assert_array_equal(made.train, expected)


def test_no_component_changes_the_data_of_other_trials(tmp_path: Path) -> None:
    trial = plan_of(tmp_path, encoders=["pixels"]).trials[0]
    data = encoding.load_dataset(trial)
    for array in (data.train.images, data.train.labels, data.test.images, data.test.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[:1] = 0
