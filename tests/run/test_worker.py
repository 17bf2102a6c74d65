import contextlib
import os
from pathlib import Path
from typing import cast

import faiss
import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from rayal.contracts import Dataset, Embedding, Split
from rayal.events.outcome import Outcome
from rayal.run import worker as work
from rayal.run.worker import check_embedding, pinned
from rayal.storage.run import FOLDERS, RunStore
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from rayal.trial import World
from tests import sweeps
from tests.storage.records import record

IMAGES = np.zeros((4, 2, 2, 1), dtype=np.uint8)
DATA = Dataset(
    "data", ("a", "b"), Split(IMAGES, np.array([0, 1, 0, 1])), Split(IMAGES[:2], np.array([0, 1]))
)
GOOD = np.ones((4, 3), dtype=np.float32)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_numerical_library_is_pinned(threads: int) -> None:
    with pinned(threads):
        assert torch.get_num_threads() == threads
        assert faiss.omp_get_max_threads() == threads
        pools = {p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}
        assert pools <= {threads}


class NoPools:
    """Thread pools where none was found."""

    def limit(self, limits: int) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


@pytest.mark.parametrize("threads", [1, 2])
def test_faiss_and_torch_are_pinned_where_their_thread_pools_are_not_found(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_pools", lambda modules: NoPools())
    faiss.omp_set_num_threads(3 - threads)
    torch.set_num_threads(3 - threads)
    with pinned(threads):
        assert faiss.omp_get_max_threads() == threads
        assert torch.get_num_threads() == threads
        assert os.environ["OMP_NUM_THREADS"] == str(threads)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (GOOD.astype(np.float64), GOOD[:2], r"training features of float64 with shape \(4, 3\)"),
        (GOOD[:3], GOOD[:2], r"shape \(3, 3\) for 4 images"),
        (GOOD, GOOD[0], r"test features of float32 with shape \(3,\)"),
        (GOOD, GOOD[:2] * np.inf, "infinite features for 2 of 2 test images of data"),
    ],
)
def test_an_encoder_that_breaks_the_contract_is_named(
    train: np.ndarray, test: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=f"encoder 'mine' gave .*{message}"):
        check_embedding("mine", Embedding(train, test), DATA)


def test_thumbnails_are_small_and_left_out_where_they_would_fill_the_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = np.arange(3)
    large = Split(np.arange(3 * 70 * 40 * 3).reshape(3, 70, 40, 3).astype(np.uint8), labels)
    found = work.thumbnails(large)
    assert found is not None
    assert found.images.shape == (3, 24, 14, 3)
    assert np.array_equal(found.images[:, 1, 2], large.images[:, 3, 6])
    grey = work.thumbnails(Split(np.zeros((3, 8, 8, 1), np.uint8), labels))
    assert grey is not None
    assert grey.images.shape == (3, 8, 8)
    monkeypatch.setattr(work, "MOST_THUMBNAILS", 100)
    assert work.thumbnails(large) is None


def test_a_trial_that_a_worker_given_up_for_lost_has_ended_keeps_its_first_record(
    tmp_path: Path,
) -> None:
    strategies = ["random", "poisoned"]
    sweep = sweeps.write_sweep(
        tmp_path, plugins=["plugin.py"], strategies=strategies, budgets=[10], seeds=1
    )
    trials = make_plan(load_sweep(sweep)).trials
    store = RunStore(tmp_path / "run")
    for folder in FOLDERS:
        (tmp_path / "run" / folder).mkdir(parents=True)
    for trial in trials:
        store.save_record(trial.id, record(trial.id, {"selected": [1]}))
    ended = work.attempt(trials, cast(World, None), store, 1)  # nothing is computed
    assert ended == [Outcome(trial.id) for trial in trials]
    for trial in trials:
        store.save_record(trial.id, record(trial.id, {"selected": [2]}))
        assert store.record(trial.id) == record(trial.id, {"selected": [1]})
    assert store.failures() == []
