"""Features of a backbone that never trained: what the architecture alone gives (ablation)."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Dataset, Embedding, Progress, encoder
from rayal.encoders import extraction, networks
from rayal.encoders.networks import Backbone, Stem
from rayal.seeds import integer


@encoder()
def random(
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    *,
    backbone: Backbone = "resnet50",
    stem: Stem = "imagenet",
) -> Embedding:
    """Return the pooled features of a backbone with random weights."""
    channels = dataset.train.images.shape[3]
    network = networks.backbone(backbone, stem, channels, seed=integer(rng))
    weights = networks.to_arrays(network)
    return Embedding(*extraction.of_both_splits(network, dataset), weights=weights)
