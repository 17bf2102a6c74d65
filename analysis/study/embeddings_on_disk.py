"""Which embeddings of a study's trials are on disk, and in which of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.study.embeddings import EmbeddedImages, StoredEmbedding
from rayal.contracts import DatasetMap
from rayal.storage.dataset_images import StoredImages
from rayal.storage.formats import PlanFile
from rayal.storage.location import Location
from rayal.storage.run import RunStore


def stored_embeddings(
    plan: PlanFile, trials: pd.DataFrame, roots: Sequence[Location]
) -> list[StoredEmbedding]:
    """Return the embeddings of trials that are on disk, in the plan's order.

    Args:
        plan: of the run, or of several as one.
        trials: the plan's, as `frames.trials_of` gives them.
        roots: of the runs.
    """
    by_key = trials.drop_duplicates("artefact").set_index("artefact").to_dict("index")
    keys = [key for key in plan["artefacts"] if key in by_key]
    opened = ((key, _open(key, roots)) for key in keys)
    return [_embedding(plan, key, by_key[key], *parts) for key, parts in opened if parts]


def _open(
    key: str, roots: Iterable[Location]
) -> tuple[Path, StoredImages, DatasetMap | None] | None:
    """Return folder, images and map of an embedding, from the first of the runs that has it."""
    for store in map(RunStore, roots):
        folder, images = store.artifacts.local_copy(key), store.images.stored_images(key)
        if folder is not None and images is not None:
            return folder, images, store.artifacts.dataset_map(key)
    return None


def _embedding(
    plan: PlanFile,
    key: str,
    trial: Mapping[Any, Any],
    folder: Path,
    images: StoredImages,
    dataset_map: DatasetMap | None,
) -> StoredEmbedding:
    about: Mapping[str, Any] = plan["datasets"].get(str(trial["dataset"]), {})
    return StoredEmbedding(
        key=key,
        dataset=str(trial["dataset_label"]),
        encoder=str(trial["encoder_label"]),
        classes=[str(name) for name in about.get("classes") or []],
        images=EmbeddedImages(folder, str(trial["encoder"]), images),
        dataset_map=dataset_map,
        multilabel=bool(about.get("multilabel")),
    )
