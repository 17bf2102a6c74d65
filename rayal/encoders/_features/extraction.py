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
from rayal.vision.device import device, normalise, to_device
from rayal.vision.precision import Precision, autocast

Prepare: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
Done: TypeAlias = Callable[[int], None]  # told of so many images more

BATCH = batches.TOGETHER
_SECONDS = 2.0  # between two reports
_IN_MEMORY = 1 << 30  # bytes of features; more are kept in a file


def centred(images: torch.Tensor) -> torch.Tensor:
    """Map 0..1 to -1..1, in place, channels last in memory."""
    return images.mul_(2).sub_(1).contiguous(memory_format=torch.channels_last)


def features(
    network: nn.Module,
    images: Images,
    batch_size: int | None = None,
    prepare: Prepare = normalise,
    precision: Precision = "float32",
    done: Done = lambda images: None,
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
        done: told of the images of each batch.
    """
    network = _laid_out(network.to(device())).eval()
    half = autocast(device(), precision)
    rows: Features | None = None
    batch_size = batch_size or batches.fitting(images)
    with torch.inference_mode(), half:
        for start in range(0, len(images), batch_size):
            part = to_device(images[start : start + batch_size])
            found = network(prepare(part)).float().cpu().numpy()
            rows = room(len(images), found.shape[1]) if rows is None else rows
            rows[start : start + len(found)] = found
            done(len(found))
    if rows is None:
        raise ValueError("there are no images to describe; give at least one")
    return rows


@dataclass(frozen=True)
class Extraction:
    """How images become features: the arguments of `features`.

    finish: what `prepare` is to bytes, to images that are 0..1 float32 already.
    """

    network: nn.Module
    batch_size: int | None = None
    prepare: Prepare = normalise
    finish: Prepare = centred
    precision: Precision = "float32"

    def of_both_splits(self, dataset: Dataset, progress: Progress) -> tuple[Features, Features]:
        """Return the features of the pool (N, D) and of the test set (M, D).

        progress: told every two seconds and at the end; the epoch is the part that is done.
        """
        train, test = dataset.train.images, dataset.test.images
        meter = _Meter(len(train) + len(test), progress)
        return self._of(train, meter), self._of(test, meter)

    def of_changed(self, images: Images, change: Prepare) -> Features:
        """Return the features (N, D) of changed images; change: from bytes to 0..1 float32."""

        def prepare(batch: torch.Tensor) -> torch.Tensor:
            return self.finish(change(batch))

        return features(self.network, images, self.batch_size, prepare, self.precision)

    def _of(self, images: Images, meter: _Meter) -> Features:
        return features(
            self.network, images, self.batch_size, self.prepare, self.precision, meter.add
        )


def of_both_splits(network: nn.Module, dataset: Dataset) -> tuple[Features, Features]:
    """Return the features of the pool (N, D) and of the test set (M, D)."""
    return features(network, dataset.train.images), features(network, dataset.test.images)


def _laid_out(network: nn.Module) -> nn.Module:
    """Store convolutions with channels last; weights that are so already stay the same memory.

    A training may hold on to that memory while features are looked at between two epochs.
    """
    kernels = [weight for weight in network.parameters() if weight.dim() == 4]
    if all(weight.is_contiguous(memory_format=torch.channels_last) for weight in kernels):
        return network
    return networks.channels_last(network)


class _Meter:
    """Counts images and reports how far and how fast it goes."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._progress = progress
        self._began = self._reported = time.perf_counter()
        self._images = 0

    def add(self, images: int) -> None:
        self._images += images
        now = time.perf_counter()
        if now - self._reported < _SECONDS and self._images < self._total:
            return
        self._reported = now
        speed = self._images / max(now - self._began, 1e-9)
        told = {"epoch": self._images / self._total, "epochs": 1.0, "loss": float("nan")}
        self._progress({**told, "images_per_second": speed})


def room(N: int, D: int) -> Features:
    """Return room for features, in a file where they are many."""
    if N * D * 4 <= _IN_MEMORY:
        return np.empty((N, D), np.float32)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.float32, "w+", shape=(N, D))
