"""Features of a backbone that never trained: what the architecture alone gives (ablation)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rayal.contracts import Dataset, DatasetMap, Embedding, Progress, encoder
from rayal.encoders._features import augmented_views as copies
from rayal.encoders._features import extraction
from rayal.encoders._training import supervised_map as truth_map
from rayal.seeds import integer
from rayal.vision import networks
from rayal.vision.networks import Backbone, Stem


def _gives(params: Mapping[str, Any]) -> set[str]:
    return {"weights"} | copies.gives(params) | truth_map.gives(params)


@encoder(gives=_gives)
def random(  # noqa: PLR0913  of which two are the features' own
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    *,
    backbone: Backbone = "resnet50",
    stem: Stem = "imagenet",
    views: copies.Count = 0,
    truth_epochs: truth_map.Epochs = 0,
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
    features = extraction.of_both_splits(network, dataset)
    augmented = copies.of_network(
        extraction.Extraction(network), images, views, flip, seed=integer(rng)
    )
    truth = truth_map.record(
        dataset, rng, progress, backbone=backbone, stem=stem, flip=flip, epochs=truth_epochs
    )
    unrecorded = np.zeros(len(images), np.int64)
    return Embedding(
        *features,
        map=None if truth is None else DatasetMap({}, {}, unrecorded, truth),
        weights=networks.to_arrays(network),
        views=augmented,
    )
