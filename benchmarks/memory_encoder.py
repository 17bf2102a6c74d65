"""An encoder for benchmarks.memory: an epoch of MoCo on large images, without its hours."""

from __future__ import annotations

import numpy as np
import torch

from rayal.contracts import Dataset, Embedding, Progress, Split, encoder
from rayal.encoders._training.dataset_map import DatasetMapRecorder
from rayal.encoders._training.schedule import PretrainingSchedule
from rayal.registry import ENCODERS
from rayal.vision.device import device, to_device

TAUS = (0.2, 0.1, 0.05, 0.01, 0.001)
TRAINED, BATCH = 128, 32  # images that the networks see
_WIDTH = 512  # features of ResNet-18


@encoder(gives={"map"})
def batches_of_an_epoch(
    dataset: Dataset, rng: np.random.Generator, progress: Progress
) -> Embedding:
    """Train ResNet-18 for an epoch on the first 128 images; gather each batch of an epoch of all.

    Beside these lie the features and the records of the map of all images, as in a whole epoch.
    """
    images = to_device(dataset.train.images)
    records = DatasetMapRecorder(len(images), TAUS, device())
    train = np.ones((len(images), _WIDTH), np.float32)
    schedule = PretrainingSchedule(len(images), 1, BATCH, 1, 0, 0.03)
    for batch in schedule.batches(torch.Generator().manual_seed(0)):
        means = images[batch].float().mean((1, 2, 3))[:, None]
        records.add(batch.to(device()), means.repeat(1, len(TAUS)) / 255)
    some = Split(dataset.train.images[:TRAINED], dataset.train.labels[:TRAINED])
    few = Dataset(dataset.name, dataset.classes, some, dataset.test)
    moco = ENCODERS.find("moco")
    settings = {"backbone": "resnet18", "epochs": 1, "warmup_epochs": 0, "batch_size": BATCH}
    embedding = moco.function(few, rng, progress, **moco.bind({**settings, "queue": 16}))
    return Embedding(train, embedding.test, map=records.finish())
