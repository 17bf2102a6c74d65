"""What a worker does, with Ray or without: prepare a world, run a trial, keep the outcome."""

from __future__ import annotations

import contextlib
import errno
import importlib.metadata
import inspect
import math
import os
import platform
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rayal import trial as trials
from rayal.contracts import Dataset, Embedding, Features, Progress, Split
from rayal.events.outcome import Outcome
from rayal.registry import DATASETS, ENCODERS
from rayal.run.malloc import give_back_large_blocks
from rayal.seeds import generator
from rayal.storage.files import StoreError, explain
from rayal.storage.formats import Record, make_record, rows_of
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial
from rayal.trial import World

THUMBNAIL = 32  # pixels a side
MOST_THUMBNAILS = 2**28  # bytes
_CHECKED = 4096  # rows of features looked at at once


def prepare(trial: Trial, store: RunStore, progress: Progress, threads: int) -> None:
    """Make the artefact that a trial stands on, unless it lies there already.

    Raises:
        ValueError: the encoder's answer is no embedding of this dataset (shapes, NaN).
        StoreError: the artefact cannot be written.
    """
    if store.artifacts.is_complete(trial.embedding_id):
        return
    give_back_large_blocks()
    data = load_dataset(trial)
    params = trial.encoder.to_kwargs()
    rng = generator("encoder", trial.dataset_name, trial.encoder.name, params.pop("seed"))
    started = time.perf_counter()
    function = ENCODERS.find(trial.encoder.name).function
    with pinned(threads), _full_disk_is_fatal(store), _kept(function, trial, store) as kept:
        embedding = function(data, rng, progress, **kept, **params)
    check_embedding(trial.encoder.name, embedding, data)
    about = {
        "dataset": trial.dataset_name,
        "content": trial.content,
        "encoder": trial.encoder.as_json(),
        "seconds": time.perf_counter() - started,
        "threads": threads,
        "versions": versions(),
    }
    with _full_disk_is_fatal(store):
        _keep_images(trial, data, store)
        store.artifacts.save(trial.embedding_id, embedding, about)


@contextlib.contextmanager
def _kept(function: Callable[..., Any], trial: Trial, store: RunStore) -> Iterator[dict[str, Path]]:
    """Give an encoder a folder `keep`, to go on from after a stop, where it takes one."""
    if "keep" not in inspect.signature(function).parameters:
        yield {}
        return
    with store.artifacts.checkpoint_dir(trial.embedding_id) as folder:
        yield {"keep": folder}


def _keep_images(trial: Trial, data: Dataset, store: RunStore) -> None:
    """Keep what a report shows of the pool, once a dataset."""
    name, content = trial.dataset_name, trial.content
    if not store.images.are_complete(name, content):
        small = thumbnails(data.train)
        store.images.save(name, content, data.train.labels, small.images if small else None)


def thumbnails(pool: Split) -> Split | None:
    """Return the pool with pictures of at most 32 pixels a side, every s-th pixel of larger ones.

    Grey pictures lose their channel. None where they would fill more than 256 MB.
    """
    step = math.ceil(max(pool.images.shape[1:3]) / THUMBNAIL)
    images = pool.images[:, ::step, ::step]
    if images.nbytes > MOST_THUMBNAILS:
        return None
    return Split(images[..., 0] if images.shape[3] == 1 else images, pool.labels)


def load_dataset(trial: Trial) -> Dataset:
    """Read a trial's dataset.

    Raises:
        ValueError: it is not the one that the sweep was planned with.
    """
    params = trial.dataset.to_kwargs()
    data: Dataset = DATASETS.find(trial.dataset.name).function(**params)
    if data.content != trial.content:
        raise ValueError(
            f"dataset '{trial.dataset_name}' has changed since the sweep was planned; "
            "start the sweep again"
        )
    return data


def load_world(trial: Trial, data: Dataset, store: RunStore) -> World:
    """Join a dataset with what its encoder stage left in the store."""
    embedding = store.artifacts.embedding(trial.embedding_id)
    return World(
        classes=data.classes,
        images=data.train.images,
        train=np.asarray(embedding.train),
        test=np.asarray(embedding.test),
        train_labels=data.train.labels,
        test_labels=data.test.labels,
        map=embedding.map,
        views=embedding.views,
        test_images=data.test.images,
        val=data.val,
        weights=embedding.weights,
        reserved=data.reserved,
    )


def attempt(
    together: Sequence[Trial], world: World, store: RunStore, threads: int
) -> list[Outcome]:
    """Run trials with the same learner, each from its last finished round.

    Each leaves a record, or a failure with its traceback.
    """
    with pinned(threads):
        courses = [_recorded(trial, world, store) for trial in together]
        return trials.together(together[0].learner, courses)


def _recorded(trial: Trial, world: World, store: RunStore) -> trials.Course[Outcome]:
    """Run a trial, unless a worker that was given up for lost has finished it meanwhile."""
    try:
        return (yield from _attempted(trial, world, store))
    except StoreError as error:
        return Outcome(trial.id, str(error), fatal=True)


def _attempted(trial: Trial, world: World, store: RunStore) -> trials.Course[Outcome]:
    try:
        with _full_disk_is_fatal(store):
            if store.has_record(trial.id):
                return Outcome(trial.id)
            earlier = store.record_in_progress(trial.id)
            rows = yield from trials.rounds(
                trial,
                world,
                rows=rows_of(earlier) if earlier else None,
                keep=lambda rows: store.save_in_progress(trial.id, _record(trial, rows)),
            )
            store.save_record(trial.id, _record(trial, rows))
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a component raises is its trial's failure
        if store.has_record(trial.id):
            return Outcome(trial.id)
        message = f"{type(error).__name__}: {error}"
        store.save_failure(trial.id, trial.definition(), message, traceback.format_exc())
        return Outcome(trial.id, message)
    return Outcome(trial.id)


def check_embedding(name: str, embedding: Embedding, data: Dataset) -> None:
    """Hold an encoder to its contract.

    Raises:
        ValueError: wrong shapes or types, or features that are not finite.
    """
    N = len(data.train.images)
    _check_features(name, "training", embedding.train, N, data)
    _check_features(name, "test", embedding.test, len(data.test.images), data)
    views = embedding.views
    if views is None:
        return
    if views.ndim != 3 or views.shape[1:] != embedding.train.shape:
        raise ValueError(
            f"encoder '{name}' gave views with shape {views.shape}; (A, N, D) with N, D = "
            f"{embedding.train.shape}, those of the training features, is needed"
        )
    for number, view in enumerate(views, start=1):  # one by one: all may be too large for memory
        _check_features(name, f"view {number}", view, N, data)


def _check_features(name: str, what: str, features: Features, n: int, data: Dataset) -> None:
    if features.dtype != np.float32 or features.ndim != 2 or len(features) != n:
        raise ValueError(
            f"encoder '{name}' gave {what} features of {features.dtype} with shape "
            f"{features.shape} for {n} images; float32 (N, D) is needed"
        )
    blocks = range(0, n, _CHECKED)
    finite = [np.isfinite(features[start : start + _CHECKED]).all(axis=1) for start in blocks]
    bad = np.flatnonzero(~np.concatenate(finite))
    if len(bad):
        raise ValueError(
            f"encoder '{name}' gave NaN or infinite features for {len(bad)} of {n} "
            f"{what} images of {data.name}, the first at index {bad[0]}; nothing can be "
            "chosen by such features: train it with a lower learning rate or look at the images"
        )


@contextlib.contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Keep the numerical libraries of this thread to so many threads.

    Two busy processes with two threads each wait for one another 20 to 80 times longer than they
    compute; and sums, hence results, may depend on how many threads add them up.
    """
    import faiss

    os.environ["OMP_NUM_THREADS"] = str(threads)  # for libraries that are imported later
    faiss.omp_set_num_threads(threads)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
    with _pools(len(sys.modules)).limit(limits=threads):
        yield


@lru_cache(maxsize=1)
def _pools(modules: int) -> Any:
    """Find the thread pools of the libraries loaded, again when further modules have come."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@cache
def versions() -> dict[str, str]:
    """Versions of what determines results."""
    packages = ("torch", "numpy", "scikit-learn", "faiss-cpu", "faiss-gpu", "ray")
    found = {"python": platform.python_version()}
    for package in ("rayal", *packages):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _record(trial: Trial, rows: list[trials.Row]) -> Record:
    return make_record(trial.id, trial.definition(), versions(), socket.gethostname(), rows)


@contextlib.contextmanager
def _full_disk_is_fatal(store: RunStore) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StoreError(f"{store.root}: {explain(error)}") from error
