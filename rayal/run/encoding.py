"""Making the embedding of one (dataset, encoder), and loading it for the trials that need it."""

from __future__ import annotations

import contextlib
import inspect
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rayal.contracts import Dataset, Embedding, Features, Progress, Split
from rayal.registry import DATASETS, ENCODERS
from rayal.run.environment import versions
from rayal.run.full_disk import full_disk_is_fatal
from rayal.run.malloc import configure_malloc
from rayal.run.threads import limit_threads
from rayal.seeds import generator
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial
from rayal.trial import World

THUMBNAIL = 32  # pixels a side
MOST_THUMBNAILS = 2**28  # bytes
_ROWS_AT_ONCE = 4096  # of features that are checked


def make_embedding(trial: Trial, store: RunStore, progress: Progress, threads: int) -> None:
    """Make the embedding that a trial needs, unless the store has it already.

    Raises:
        ValueError: the encoder's answer is no embedding of this dataset (shapes, NaN).
        StoreError: the embedding cannot be written.
    """
    if store.artifacts.is_complete(trial.embedding_id):
        return
    configure_malloc()
    data = load_dataset(trial)
    params = trial.encoder.to_kwargs()
    rng = generator("encoder", trial.dataset_name, trial.encoder.name, params.pop("seed"))
    started = time.perf_counter()
    encode = ENCODERS.find(trial.encoder.name).function
    with (
        limit_threads(threads),
        full_disk_is_fatal(store),
        _checkpoint_folder(encode, trial, store) as keep,
    ):
        embedding = encode(data, rng, progress, **keep, **params)
    check_embedding(trial.encoder.name, embedding, data)
    about = {
        "dataset": trial.dataset_name,
        "content": trial.content,
        "encoder": trial.encoder.as_json(),
        "seconds": time.perf_counter() - started,
        "threads": threads,
        "versions": versions(),
    }
    with full_disk_is_fatal(store):
        _save_images(trial, data, store)
        store.artifacts.save(trial.embedding_id, embedding, about)


@contextlib.contextmanager
def _checkpoint_folder(
    encode: Callable[..., Any], trial: Trial, store: RunStore
) -> Iterator[dict[str, Path]]:
    """Give an encoder a folder `keep`, to go on from after a stop, where it takes one."""
    if "keep" not in inspect.signature(encode).parameters:
        yield {}
        return
    with store.artifacts.checkpoint_dir(trial.embedding_id) as folder:
        yield {"keep": folder}


def _save_images(trial: Trial, data: Dataset, store: RunStore) -> None:
    """Keep what a report shows of the pool, once a dataset."""
    name, content = trial.dataset_name, trial.content
    if not store.images.are_complete(name, content):
        small = thumbnails(data.train)
        store.images.save(name, content, data.train.labels, small.images if small else None)


def thumbnails(pool: Split) -> Split | None:
    """Return the pool with images of at most 32 pixels a side, every s-th pixel of larger ones.

    Grey images lose their channel. None where they would fill more than 256 MB.
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
    """Join a dataset with the embedding that the store has of it."""
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
    blocks = range(0, n, _ROWS_AT_ONCE)
    finite = [np.isfinite(features[start : start + _ROWS_AT_ONCE]).all(axis=1) for start in blocks]
    bad = np.flatnonzero(~np.concatenate(finite))
    if len(bad):
        raise ValueError(
            f"encoder '{name}' gave NaN or infinite features for {len(bad)} of {n} "
            f"{what} images of {data.name}, the first at index {bad[0]}; nothing can be "
            "chosen by such features: train it with a lower learning rate or look at the images"
        )
