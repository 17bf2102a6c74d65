"""What a plan knows of a dataset: its size, classes and content."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from rayal.contracts import Dataset
from rayal.kernels.imbalance import name_suffix
from rayal.label_arrays import count_by_class
from rayal.registry import DATASETS
from rayal.sweep.dataset_checks import check_dataset
from rayal.sweep.definition import Spec
from rayal.sweep.entries import Entry, find, plain


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset without its images.

    train, test, val: numbers of images; reserved: images of the pool set aside as first labels.
    image_shape: (H, W, channels). has_features: whether it comes with features. absent: why the
    files could not be read, in a plan that allows that; sizes are then those that were published.
    multilabel: whether an image may have several classes; class_counts are then the images that
    have each.
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
    has_features: bool = False
    absent: str = ""
    multilabel: bool = False

    @property
    def has_images(self) -> bool:
        return 0 not in self.image_shape

    def as_json(self) -> dict[str, Any]:
        """What plan.json says of it."""
        kept = ("classes", "train", "test", "class_counts", "content")
        several = {"multilabel": True} if self.multilabel else {}
        return {name: getattr(self, name) for name in kept} | several


def dataset_info(data: Dataset) -> DatasetInfo:
    """Read off what a plan needs to know."""
    return DatasetInfo(
        name=data.name,
        train=len(data.train.labels),
        test=len(data.test.labels),
        classes=data.classes,
        class_counts=tuple(count_by_class(data.train.labels, data.num_classes).tolist()),
        content=data.content,
        image_shape=data.train.images.shape[1:],
        reserved=0 if data.initial_pool is None else len(data.initial_pool),
        val=0 if data.val is None else len(data.val.labels),
        has_features=data.train.features is not None,
        multilabel=data.multilabel,
    )


class DatasetLoader:
    """Loads what a plan knows of datasets, each once however many parts have it.

    absent_data: take the published size where files are missing.
    """

    def __init__(self, absent_data: bool) -> None:
        self.absent_data = absent_data
        self._loaded: dict[str, DatasetInfo] = {}

    def __call__(self, entry: Entry) -> tuple[Spec, DatasetInfo]:
        """Load the dataset of an entry.

        Raises:
            ValueError: there is no such dataset, or it refuses a parameter or its files.
            FileNotFoundError: its files are missing.
        """
        spec = plain(Spec(entry.name, find(DATASETS, entry.name).bind(entry.given)))
        key = json.dumps(spec.as_json())
        if key not in self._loaded:
            self._loaded[key] = self._load(spec)
        return spec, self._loaded[key]

    def _load(self, spec: Spec) -> DatasetInfo:
        component = DATASETS.find(spec.name)
        try:
            data = component.function(**spec.params)
        except FileNotFoundError as error:
            if not self.absent_data or component.traits.published is None:
                raise
            return _published_info(spec, str(error))
        check_dataset(spec.name, data)
        return dataset_info(data)


def _published_info(spec: Spec, absent: str) -> DatasetInfo:
    published = DATASETS.find(spec.name).traits.published
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
        multilabel=DATASETS.find(spec.name).traits.multilabel,
    )
