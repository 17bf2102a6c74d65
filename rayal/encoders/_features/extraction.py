"""From images to features with a finished backbone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import nn

from rayal.contracts import Dataset, Features, Images, Progress
from rayal.vision import batches, networks
from rayal.vision.device import (
    bytes_to_network_range,
    device,
    to_device,
    unit_to_network_range,
)
from rayal.vision.precision import Precision, autocast, without_tf32

Prepare: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
OnBatch: TypeAlias = Callable[[int], None]  # called with the number of images of each batch

BATCH = batches.INFERENCE_BATCH
_SECONDS_PER_REPORT = 2.0
_IN_MEMORY = 1 << 30  # bytes of features; more are kept in a file


def extract_features(
    network: nn.Module,
    images: Images,
    batch_size: int | None = None,
    prepare: Prepare = bytes_to_network_range,
    precision: Precision = "float32",
    on_batch: OnBatch = lambda images: None,
) -> Features:
    """Return the backbone's pooled features (N, D) float32 of images, in evaluation mode.

    Images are read a batch at a time, so they may be a memory-mapped file larger than memory.
    Features beyond 1 GiB are written to a file without a name in the folder for temporary files
    (TMPDIR), which goes with the array.

    Args:
        network: a backbone.
        images: (N, H, W, channels).
        batch_size: images that go through the network at once; None: 512, fewer of more than 96
            pixels a side.
        prepare: from a batch (n, channels, H, W) uint8 to what the backbone takes.
        precision: bf16 is faster on a GPU and on some CPUs, and right to two or three digits.
        on_batch: called after each batch.

    Raises:
        ValueError: there are no images.
    """
    network = _with_channels_last(network.to(device())).eval()
    features: Features | None = None
    batch_size = batch_size or batches.inference_batch_size(images)
    with torch.inference_mode(), autocast(device(), precision), without_tf32(device()):
        for start in range(0, len(images), batch_size):
            batch = to_device(images[start : start + batch_size])
            rows = network(prepare(batch)).float().cpu().numpy()
            if features is None:
                features = allocate_features(len(images), rows.shape[1])
            features[start : start + len(rows)] = rows
            on_batch(len(rows))
    if features is None:
        raise ValueError("there are no images to describe; give at least one")
    return features


@dataclass(frozen=True)
class FeatureExtractor:
    """A backbone with the other arguments of `extract_features`.

    prepare_unit: what `prepare` is to bytes, to images that are 0..1 float32 already.
    """

    network: nn.Module
    batch_size: int | None = None
    prepare: Prepare = bytes_to_network_range
    prepare_unit: Prepare = unit_to_network_range
    precision: Precision = "float32"

    def extract_both_splits(
        self, dataset: Dataset, progress: Progress = lambda report: None
    ) -> tuple[Features, Features]:
        """Return the features of the pool (N, D) and of the test set (M, D).

        progress: told every two seconds and at the end; the epoch is the fraction that is done.
        """
        train, test = dataset.train.images, dataset.test.images
        meter = _ThroughputMeter(len(train) + len(test), progress)
        return self._extract(train, meter), self._extract(test, meter)

    def extract_changed(self, images: Images, change: Prepare) -> Features:
        """Return the features (N, D) of changed images; change: from bytes to 0..1 float32."""

        def prepare(batch: torch.Tensor) -> torch.Tensor:
            return self.prepare_unit(change(batch))

        return extract_features(self.network, images, self.batch_size, prepare, self.precision)

    def _extract(self, images: Images, meter: _ThroughputMeter) -> Features:
        return extract_features(
            self.network, images, self.batch_size, self.prepare, self.precision, meter.add
        )


def _with_channels_last(network: nn.Module) -> nn.Module:
    """Store convolutions with channels last; weights that are so already stay the same memory.

    A training may hold on to that memory while features are extracted between two epochs.
    """
    kernels = [weight for weight in network.parameters() if weight.dim() == 4]
    if all(weight.is_contiguous(memory_format=torch.channels_last) for weight in kernels):
        return network
    return networks.channels_last(network)


class _ThroughputMeter:
    """Counts images and reports how far and how fast it goes."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._progress = progress
        self._began = self._reported = time.perf_counter()
        self._images = 0

    def add(self, images: int) -> None:
        self._images += images
        now = time.perf_counter()
        if now - self._reported < _SECONDS_PER_REPORT and self._images < self._total:
            return
        self._reported = now
        speed = self._images / max(now - self._began, 1e-9)
        report = {"epoch": self._images / self._total, "epochs": 1.0, "loss": float("nan")}
        self._progress({**report, "images_per_second": speed})


def allocate_features(N: int, D: int) -> Features:
    """Return an array (N, D) float32 to write features to, in a file where it exceeds 1 GiB."""
    if N * D * 4 <= _IN_MEMORY:
        return np.empty((N, D), np.float32)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.float32, "w+", shape=(N, D))
