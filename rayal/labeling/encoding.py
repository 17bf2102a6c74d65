"""Features of the images of a project, in blocks that outlive a kill.

An encoder that takes each image by itself is given a block at a time; what is made lies in
DIR/.work until all is there. One that trains is given all images at once, from a file.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from rayal.datasets._files.progress import with_progress
from rayal.labeling.encoded_blocks import Encoded, encoded_block, features_of, nothing_encoded
from rayal.labeling.encoding_job import EncodingJob, check_contents
from rayal.labeling.errors import LabelingError
from rayal.labeling.pictures import read_square
from rayal.labeling.pool import PoolImage
from rayal.labeling.reading import in_parallel

BLOCK = 1024  # images of a block


def encode(job: EncodingJob, images: Sequence[PoolImage]) -> Encoded:
    """Return the features of all images that can be read; the others are left out.

    Raises:
        LabelingError: no image can be read, the disk has no room, or a file of the encoder was
            exchanged meanwhile.
        ValueError: what the encoder raises.
    """
    job.work.mkdir(exist_ok=True)
    blocks = [images[start : start + BLOCK] for start in range(0, len(images), BLOCK)]
    progress = with_progress(_blocks(job, blocks), len(blocks), "describing", len(images))
    encoded = _joined(list(progress))
    check_contents(job.name, job.params, job.contents)
    if not len(encoded.positions):
        reasons = "; ".join(f"{image.path}: {image.reason}" for image in encoded.left_out[:3])
        raise LabelingError(f"no image of {job.source} can be read: {reasons}")
    return _trained(job, images, encoded) if job.trains else encoded


def forget_work(work: Path) -> None:
    """Remove what was made on the way."""
    shutil.rmtree(work, ignore_errors=True)


def _blocks(job: EncodingJob, blocks: Sequence[Sequence[PoolImage]]) -> Iterator[Encoded]:
    start = 0
    for block in blocks:
        encoded = encoded_block(job, block)
        yield Encoded(encoded.positions + start, encoded.features, encoded.tiny, encoded.left_out)
        start += len(block)


def _joined(blocks: Sequence[Encoded]) -> Encoded:
    filled = [block for block in blocks if len(block.positions)]
    left_out = tuple(file for block in blocks for file in block.left_out)
    if not filled:
        return nothing_encoded(left_out)
    positions, features, tiny = (
        np.concatenate([getattr(block, name) for block in filled])
        for name in ("positions", "features", "tiny")
    )
    return Encoded(positions, features, tiny, left_out)


def _trained(job: EncodingJob, images: Sequence[PoolImage], read: Encoded) -> Encoded:
    """Train the encoder on all images that can be read, from a file of their pixels."""
    shape = (len(read.positions), job.side, job.side, job.channels)
    _check_space(job.work, math.prod(shape))
    pixels = np.lib.format.open_memmap(job.work / "pixels.npy", "w+", np.uint8, shape)
    squares = in_parallel(
        [images[row] for row in read.positions],
        lambda image: read_square(job.source / image.path, job.side, job.channels),
    )
    for row, square in enumerate(with_progress(squares, len(pixels), "reading again")):
        pixels[row] = square
    keep = job.work / "training"
    keep.mkdir(exist_ok=True)
    features = features_of(job, pixels, _EpochLines(), keep=keep)
    return Encoded(read.positions, features, read.tiny, read.left_out)


def _check_space(work: Path, needed: int) -> None:
    free = shutil.disk_usage(work).free
    if free < needed:
        raise LabelingError(
            f"the encoder trains on a file of the images' pixels of {needed / 1e9:,.3f} GB, and "
            f"{work} has {free / 1e9:,.3f} GB free: free some, or make the project on another disk"
        )


class _EpochLines:
    """Says how long a training takes as soon as that can be told, and how far it is by tenths."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._tenths = -1

    def __call__(self, report: Mapping[str, float]) -> None:
        share = report["epoch"] / max(report["epochs"], 1)
        if share <= 0 or int(10 * share) <= self._tenths:
            return
        self._tenths = int(10 * share)
        left = (time.monotonic() - self._started) * (1 - share) / share
        print(
            f"training the encoder: {share:.0%}, about {left / 60:,.0f} min left; when it is "
            "interrupted, the same command goes on",
            file=sys.stderr,
            flush=True,
        )
