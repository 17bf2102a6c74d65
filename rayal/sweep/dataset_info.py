"""What a plan knows of a dataset: its size, classes and content."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from rayal.contracts import Dataset
from rayal.kernels.imbalance import name_suffix
from rayal.registry import DATASETS
from rayal.sweep.definition import Spec
from rayal.sweep.entries import Entry, plain


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset without its images.

    train, test, val: numbers of images; reserved: images of the pool set aside as first labels.
    image_shape: (H, W, channels). absent: why the files could not be read, in a plan that allows
    that; sizes are then those that were published.
    """

    name: str
    train: int
    test: int
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    content: str
    image_shape: tuple[int, ...]
    reserved: int = 0
    val: int = 0
    absent: str = ""

    def as_json(self) -> dict[str, Any]:
        """What plan.json says of it."""
        kept = ("classes", "train", "test", "class_counts", "content")
        return {name: getattr(self, name) for name in kept}


def dataset_info(data: Dataset) -> DatasetInfo:
    """Read off what a plan needs to know."""
    return DatasetInfo(
        name=data.name,
        train=len(data.train.labels),
        test=len(data.test.labels),
        classes=data.classes,
        class_counts=tuple(np.bincount(data.train.labels, minlength=data.num_classes).tolist()),
        content=data.content,
        image_shape=data.train.images.shape[1:],
        reserved=0 if data.initial_pool is None else len(data.initial_pool),
        val=0 if data.val is None else len(data.val.labels),
    )


def load_dataset_info(entry: Entry, *, absent_data: bool) -> tuple[Spec, DatasetInfo]:
    """Load the dataset of an entry.

    absent_data: take the published size where files are missing.

    Raises:
        ValueError: there is no such dataset, or it refuses a parameter or its files.
        FileNotFoundError: its files are missing.
    """
    component = DATASETS.find(entry.name)
    spec = plain(Spec(entry.name, component.bind(entry.given)))
    try:
        return spec, dataset_info(component.function(**spec.params))
    except FileNotFoundError as error:
        if not absent_data or component.facts.published is None:
            raise
        return spec, _published_info(spec, str(error))


def _published_info(spec: Spec, absent: str) -> DatasetInfo:
    published = DATASETS.find(spec.name).facts.published
    assert published is not None
    size, classes = published(**spec.params)
    imbalance = spec.params["imbalance"]
    return DatasetInfo(
        name=spec.name + (name_suffix(imbalance) if imbalance else ""),
        train=size,
        test=0,
        classes=tuple(str(c) for c in range(classes)),
        class_counts=(),
        content=f"absent: {json.dumps(spec.as_json())}",
        image_shape=(),
        absent=absent,
    )
