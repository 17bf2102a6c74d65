"""Making the embedding of one (dataset, encoder), and loading it for the trials that need it."""

from __future__ import annotations

import contextlib
import inspect
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.contract_checks import check_embedding
from rayal.contracts import Dataset, DatasetMap, Embedding, Progress, Split, TrialData
from rayal.process_state import process_state_kept
from rayal.registry import DATASETS, ENCODERS
from rayal.run.environment import computed_with
from rayal.run.full_disk import full_disk_is_fatal
from rayal.run.gpus import call_retried
from rayal.run.malloc import configure_malloc
from rayal.run.threads import limit_threads
from rayal.seeds import generator
from rayal.storage.run import RunStore
from rayal.sweep.contents import check_unchanged
from rayal.sweep.definition import Spec, Trial
from rayal.sweep.plan import Plan

THUMBNAIL = 32  # pixels a side
MOST_THUMBNAILS = 2**28  # bytes


def make_embedding(trial: Trial, store: RunStore, progress: Progress, threads: int) -> None:
    """Make the embedding that a trial needs, unless the store has it already.

    Raises:
        ValueError: the encoder's answer is no embedding of this dataset (shapes, NaN).
        StoreError: the embedding cannot be written.
    """
    if store.artifacts.is_complete(trial.embedding_id):
        return
    check_unchanged("encoder", trial.encoder)
    configure_malloc()
    data = load_dataset(trial)
    started = time.perf_counter()
    transform = _feature_transform(trial.encoder)
    with limit_threads(threads):
        if transform is None:
            embedding = _encode(trial, data, store, progress)
        else:
            embedding = _plain_embedding(trial, store, progress, threads).transformed(transform)
    check_embedding(trial.encoder.name, embedding, data)
    about = {
        "dataset": trial.dataset_name,
        "content": trial.content,
        "encoder": trial.encoder.as_json(),
        "seconds": time.perf_counter() - started,
        "threads": threads,
        "versions": computed_with(),
    }
    with full_disk_is_fatal(store):
        _save_images(trial, data, store)
        store.artifacts.save(trial.embedding_id, embedding, about)


def _feature_transform(encoder: Spec) -> Any:
    """Return the value of the parameter that every encoder has besides its own, None without."""
    component = ENCODERS.find(encoder.name)
    if "features" not in component.traits.added:
        return None
    return component.arguments(encoder.to_kwargs()).get("features")


def _encode(trial: Trial, data: Dataset, store: RunStore, progress: Progress) -> Embedding:
    """Call the encoder; where a GPU's memory is taken it is called again with the same seed."""
    encoder = ENCODERS.find(trial.encoder.name)
    params = encoder.arguments(trial.encoder.to_kwargs())
    seed = params.pop("seed")

    def attempt() -> Embedding:
        names = "encoder", trial.dataset_name, trial.encoder.name, seed
        with process_state_kept(*names):
            embedding: Embedding = encoder.function(
                data, generator(*names), progress, **checkpoints, **params
            )
        return embedding

    with (
        full_disk_is_fatal(store),
        _checkpoint_folder(encoder.function, trial, store) as checkpoints,
    ):
        return call_retried(attempt)


def _plain_embedding(trial: Trial, store: RunStore, progress: Progress, threads: int) -> Embedding:
    """Return the embedding without the transform, made once however many transforms are asked for.

    Processes of one machine, or on one shared disk, wait for the first that makes it.
    """
    params = {name: value for name, value in trial.encoder.params.items() if name != "features"}
    plain = replace(trial, encoder=replace(trial.encoder, params=params))
    with store.artifacts.made_once(plain.embedding_id):
        # The driver looks at the embeddings of trials, and this one need not be any trial's.
        if note := store.artifacts.set_aside_damaged(plain.embedding_id):
            warnings.warn(note, stacklevel=2)
        make_embedding(plain, store, progress, threads)
    return store.artifacts.embedding(plain.embedding_id)


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
        pictures = small.images if small else None
        store.images.save(name, content, data.train.labels, pictures, data.train.files)


def restore_images(plan: Plan, store: RunStore) -> list[str]:
    """Make images again that finished embeddings lack; return what was wrong with those set aside.

    Trials do not read them, so that no other step of a run would notice.
    """
    notes = []
    for key, trial in plan.embeddings.items():
        name, content = trial.dataset_name, trial.content
        notes.append(store.images.set_aside_damaged(name, content))
        if store.artifacts.is_complete(key) and not store.images.are_kept(key, name, content):
            _save_images(trial, load_dataset(trial), store)
    return notes


def thumbnails(pool: Split) -> Split | None:
    """Return the pool with images of at most 32 pixels a side, every s-th pixel of larger ones.

    Gray images lose their channel. None where they would fill more than 256 MB, or have no pixels.
    """
    if not pool.images.size:
        return None
    step = math.ceil(max(pool.images.shape[1:3]) / THUMBNAIL)
    images = pool.images[:, ::step, ::step]
    if images.nbytes > MOST_THUMBNAILS:
        return None
    return Split(images[..., 0] if images.shape[3] == 1 else images, pool.labels)


def load_dataset(trial: Trial) -> Dataset:
    """Read a trial's dataset; what writes to its arrays is refused by NumPy.

    The other trials of the process see the same arrays.

    Raises:
        ValueError: it is not the one that the sweep was planned with.
    """
    params = trial.dataset.to_kwargs()
    with process_state_kept("dataset", trial.dataset_name):
        data: Dataset = DATASETS.find(trial.dataset.name).function(**params)
    if data.content != trial.content:
        raise ValueError(
            f"dataset '{trial.dataset_name}' has changed since the sweep was planned; "
            "start the sweep again"
        )
    for split in (data.train, data.test, data.val):
        for array in (split.images, split.labels) if split else ():
            array.flags.writeable = False
    if data.initial_pool is not None:
        data.initial_pool.flags.writeable = False
    return data


def load_trial_data(trial: Trial, dataset: Dataset, store: RunStore) -> TrialData:
    """Join a dataset with the embedding that the store has of it on a trial's encoder."""
    return TrialData(dataset, _stored_embedding(trial.embedding_id, store))


def load_all_trial_data(trial: Trial, dataset: Dataset, store: RunStore) -> TrialData:
    """Do the same with the embeddings that its strategies select on."""
    own, *others = trial.encodings
    embeddings = {key: _stored_embedding(key, store) for key in others}
    return TrialData(dataset, _stored_embedding(own, store), embeddings)


def _stored_embedding(key: str, store: RunStore) -> Embedding:
    """Return an embedding whose arrays all trials of the process see, and none can change."""
    embedding = store.artifacts.embedding(key)
    for array in (*_arrays_of_map(embedding.map), *(embedding.weights or {}).values()):
        array.flags.writeable = False
    # Plain arrays on the same memory: arithmetic on memory-mapped ones keeps their class.
    train, test = np.asarray(embedding.train), np.asarray(embedding.test)
    return replace(embedding, train=train, test=test)


def _arrays_of_map(table: DatasetMap | None) -> Iterator[npt.NDArray[Any]]:
    if table is not None:
        yield from table.confidence.values()
        yield from table.variability.values()
        yield table.count
        yield from table.truth or ()
