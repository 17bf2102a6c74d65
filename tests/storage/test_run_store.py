import contextlib
import dataclasses
import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rayal.contracts import DatasetMap, Embedding
from rayal.storage import run as store
from rayal.storage.atomic import temporary_beside
from rayal.storage.files import StoreError
from rayal.storage.run import Store


@pytest.fixture
def held(tmp_path: Path):
    with store.claim(tmp_path / "run", "mine") as found:
        yield found


def plan(*trials: str) -> dict[str, object]:
    return {"name": "mine", "trials": {trial: {} for trial in trials}}


def test_a_record_means_finished_and_ends_partial_and_failure(held: Store) -> None:
    held.save_partial("a", {"rounds": [1]})
    held.save_failure("a", {"seed": 1}, "ValueError: x", "Traceback")
    assert held.finished() == set()
    held.save_record("a", {"rounds": [1, 2]})
    assert held.finished() == {"a"}
    assert held.partial("a") is None
    assert not held.failure_path("a").exists()


def test_the_first_record_of_a_trial_stays(held: Store) -> None:
    held.save_record("a", {"by": "the first"})
    held.save_record("a", {"by": "the second"})
    assert held.record("a") == {"by": "the first"}


def test_a_run_is_read_back_with_what_is_left_out_counted(held: Store) -> None:
    held.save_plan(plan("a", "b", "c"), "name: mine\n")
    held.save_record("a", {"trial": "a"})
    held.save_record("old", {"trial": "old"})
    held.save_failure("b", {"seed": 1}, "ValueError: x", "Traceback\n\nmore")
    run = store.read_run(held.root)
    assert [record["trial"] for record in run.records] == ["a"]
    assert run.left_out == 1
    assert [(f["trial"], f["error"], f["trace"]) for f in run.failures] == [
        ("b", "ValueError: x", "Traceback\n\nmore")
    ]


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"is not a run: it has no plan\.json"):
        store.read_run(tmp_path)


def test_a_damaged_record_is_named(held: Store) -> None:
    held.save_plan(plan("a"), "")
    (held.root / "records" / "a.json").write_text('{"trial": ')
    with pytest.raises(StoreError, match=r"a\.json is damaged .* delete it"):
        store.read_run(held.root)


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    store.write_json(path, {"old": 1})
    with contextlib.suppress(RuntimeError), temporary_beside(path) as temporary:
        temporary.write_text('{"new"')
        raise RuntimeError
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def embedding() -> Embedding:
    rng = np.random.default_rng(0)
    taus = (0.2, 0.05, 0.001)
    return Embedding(
        train=rng.random((6, 3), dtype=np.float32),
        test=rng.random((2, 3), dtype=np.float32),
        map=DatasetMap(
            {tau: rng.random(6, dtype=np.float32) for tau in taus},
            {tau: rng.random(6, dtype=np.float32) for tau in taus},
            np.arange(6),
        ),
        weights={"conv.weight": rng.random((2, 2), dtype=np.float32)},
        views=rng.random((2, 6, 3), dtype=np.float32),
    )


def test_an_embedding_comes_back_as_it_was(held: Store) -> None:
    before = embedding()
    held.save_embedding("key", before, {"seconds": 1})
    after = held.embedding("key")
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


def test_what_a_training_went_on_from_goes_when_its_embedding_is_kept(held: Store) -> None:
    with held.going_on("key") as folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "epoch-3.pt").write_bytes(b"weights")
    with held.going_on("other") as folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "epoch-1.pt").write_bytes(b"weights")
    held.save_embedding("key", embedding(), {})
    assert not held.unfinished("key").exists()
    assert held.unfinished("other").exists()


def test_an_embedding_of_features_alone_has_nothing_else(held: Store) -> None:
    before = embedding()
    held.save_embedding("key", Embedding(before.train, before.test), {})
    after = held.embedding("key")
    assert (after.map, after.weights, after.views) == (None, None, None)
    names = {path.name for path in held.artefact("key").iterdir()}
    assert names == {"train.npy", "test.npy", "about.json"}


@pytest.mark.parametrize("taus", [(), (0.2, 0.001)])
def test_a_map_by_ground_truth_comes_back_alone_and_beside_others(
    tmp_path: Path, taus: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(1)
    table = {tau: rng.random(6, dtype=np.float32) for tau in taus}
    truth = (rng.random(6, dtype=np.float32), rng.random(6, dtype=np.float32))
    store.write_map(tmp_path / "map.parquet", DatasetMap(table, table, np.arange(6), truth))
    after = store.read_map(tmp_path / "map.parquet")
    assert list(after.confidence) == list(taus)
    assert after.truth is not None
    for found, expected in zip(after.truth, truth, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.float32
    assert pq.read_schema(tmp_path / "map.parquet").names[-2:] == [
        "truth_confidence", "truth_variability",
    ]  # fmt: skip


@pytest.mark.parametrize("order", ["C", "F"])
def test_views_are_written_as_numpy_writes_them(held: Store, order: str) -> None:
    before = embedding()
    views = np.array(before.views, order=order)
    held.save_embedding("key", dataclasses.replace(before, views=views), {})
    np.testing.assert_array_equal(np.load(held.artefact("key") / "views.npy"), before.views)


def test_the_second_writer_of_an_artefact_changes_nothing(held: Store) -> None:
    first = embedding()
    held.save_embedding("key", first, {})
    held.save_embedding("key", Embedding(first.train + 1, first.test), {})
    np.testing.assert_array_equal(held.embedding("key").train, first.train)
    assert [p.name for p in (held.root / "artefacts").iterdir()] == ["key"]


def test_features_with_a_pickle_inside_are_not_opened(held: Store) -> None:
    held.save_embedding("key", embedding(), {})
    np.save(held.artefact("key") / "train.npy", np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="Python objects"):
        held.embedding("key")


def test_a_directory_in_use_is_refused_and_names_the_holder(held: Store) -> None:
    with (
        pytest.raises(StoreError, match=rf"in use by process {os.getpid()} on"),
        store.claim(held.root, "mine"),
    ):
        pass


def _claim_and_die(root: Path) -> None:
    holder = store.claim(root, "mine")
    holder.__enter__()
    (root / "records" / ".x.json.0badcafe.tmp").write_text("half")
    os._exit(9)


def test_a_killed_holder_leaves_the_directory_free_and_its_half_files_go(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_claim_and_die, args=(tmp_path,))
    process.start()
    process.join()
    with store.claim(tmp_path, "mine") as held:
        assert list((held.root / "records").iterdir()) == []


def test_another_sweeps_directory_is_refused(held: Store) -> None:
    held.save_plan(plan(), "")
    with (
        pytest.raises(StoreError, match="belongs to the sweep 'mine', not to 'yours'"),
        store.claim(held.root, "yours"),
    ):
        pass


def test_a_directory_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with (
        pytest.raises(StoreError, match="holds other files and is no run"),
        store.claim(tmp_path, "mine"),
    ):
        pass


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(StoreError, match="is a file"), store.claim(tmp_path / "run", "mine"):
        pass


def test_too_little_space_is_refused_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"needs about 1,000,000,000 MB and [\d,]+ MB are free"):
        store.check_space(tmp_path, 10**15)
