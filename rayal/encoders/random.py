"""Features of a backbone that never trained: what the architecture alone gives (ablation)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from rayal.contracts import Dataset, DatasetMap, DataShape, Embedding, Progress, encoder
from rayal.encoders._features import augmented_views
from rayal.encoders._features.embedding import embed
from rayal.encoders._features.extraction import FeatureExtractor
from rayal.encoders._training import truth_epochs as truth
from rayal.encoders._training.supervised_map import supervised_map
from rayal.encoders._training.truth_epochs import TruthEpochs
from rayal.seeds import integer
from rayal.vision import backbone_names, networks, notes
from rayal.vision.backbone_names import Backbone, Stem


def _gives(params: Mapping[str, Any]) -> set[str]:
    return {"weights"} | augmented_views.gives(params) | truth.gives(params)


def _notes(params: Mapping[str, Any], shape: DataShape) -> list[str]:
    D = backbone_names.width_of(params["backbone"])
    return [
        "weights: random, as asked for",
        *notes.resizing(shape.image, backbone_names.input_size(params["backbone"], shape.image)),
        notes.feature_size(shape.N, shape.M, D, params["views"]),
    ]


@encoder(gives=_gives, notes=_notes)
def random(  # noqa: PLR0913  of which two are the features' own
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    *,
    backbone: Backbone = "resnet50",
    stem: Stem = "imagenet",
    views: augmented_views.ViewCount = 0,
    truth_epochs: TruthEpochs = 0,
    flip: bool = True,
) -> Embedding:
    """Return the pooled features of a backbone with random weights.

    Args:
        dataset: the pool and the test set.
        rng: source of all randomness.
        progress: told of the epochs of the ground-truth map.
        backbone: kind of network.
        stem: first layers of a ResNet: imagenet's, or cifar's that keep the resolution.
        views: weakly augmented copies of each image whose features are kept too.
        truth_epochs: epochs that a second network of the kind learns the true classes for, to
            make the map by ground truth; it reads the true label of every image. 0 makes none.
        flip: mirror views, and images of the ground-truth map, with probability .5.
    """
    images = dataset.train.images
    network = networks.backbone(backbone, stem, images.shape[3], seed=integer(rng))
    embedding = embed(FeatureExtractor(network), dataset, rng, views=views, flip=flip)
    true_class = supervised_map(
        dataset, rng, progress, backbone=backbone, stem=stem, flip=flip, epochs=truth_epochs
    )
    no_records = np.zeros(len(images), np.int64)
    return replace(
        embedding,
        map=None if true_class is None else DatasetMap({}, {}, no_records, true_class),
        weights=networks.to_arrays(network),
    )
