"""Features of images a block at a time: what was made before is read, what is made is kept."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rayal.contract_checks import check_embedding
from rayal.contracts import Dataset, Features, Images, Progress, Split
from rayal.datasets._files.cache import content_key
from rayal.labeling.current_files import why_not_as_read
from rayal.labeling.encoding_job import EncodingJob
from rayal.labeling.pictures import read_square
from rayal.labeling.pool import LeftOut, PoolImage
from rayal.labeling.reading import in_parallel
from rayal.seeds import generator
from rayal.storage.archive_errors import NPZ_ERRORS
from rayal.storage.atomic import write_bytes

Bytes = npt.NDArray[np.uint8]
FORMAT = 2  # raised by hand when features come to be made otherwise


@dataclass(frozen=True)
class Encoded:
    """Rows of the images that could be read: positions (n,), features (n, D), tiny (n, 16, 16).

    tiny: gray pictures by which near-duplicates are told.
    """

    positions: npt.NDArray[np.int64]
    features: Features
    tiny: Bytes
    left_out: tuple[LeftOut, ...]


def nothing_encoded(left_out: tuple[LeftOut, ...]) -> Encoded:
    """Return what comes of images of which none can be read."""
    features, tiny = np.empty((0, 0), np.float32), np.empty((0, 16, 16), np.uint8)
    return Encoded(np.empty(0, np.int64), features, tiny, left_out)


def encoded_block(job: EncodingJob, images: Sequence[PoolImage]) -> Encoded:
    """Return a block from the disk where it was made before, else make it and keep it.

    Positions are those of its images, from 0. An encoder that trains has features of no dimension.

    Raises:
        ValueError: what the encoder raises.
    """
    facts = [(image.rayal_id, image.path) for image in images]
    encoder = None if job.trains else (job.name, sorted(job.params.items()), job.seed, job.contents)
    key = content_key(FORMAT, encoder, job.side, job.channels, facts)
    path = job.work / f"{key}.npz"
    with contextlib.suppress(*NPZ_ERRORS):  # absent, or damaged: it is made
        return _read_block(path)
    encoded = _make_block(job, images)
    _write_block(path, encoded)
    return encoded


def _write_block(path: Path, encoded: Encoded) -> None:
    content = io.BytesIO()
    reasons = np.array([(one.path, one.reason) for one in encoded.left_out], dtype=np.str_)
    np.savez(
        content,
        positions=encoded.positions,
        features=encoded.features,
        tiny=encoded.tiny,
        left_out=reasons.reshape(-1, 2),
    )
    write_bytes(path, content.getvalue())


def _read_block(path: Path) -> Encoded:
    with np.load(path, allow_pickle=False) as kept:
        left_out = tuple(LeftOut(str(name), str(reason)) for name, reason in kept["left_out"])
        return Encoded(kept["positions"], kept["features"], kept["tiny"], left_out)


def _make_block(job: EncodingJob, images: Sequence[PoolImage]) -> Encoded:
    pixels, positions, left_out = _read_squares(job, images)
    if not len(positions):
        return nothing_encoded(tuple(left_out))
    features = np.empty((len(pixels), 0), np.float32) if job.trains else features_of(job, pixels)
    return Encoded(positions, features, np.stack([_tiny(one) for one in pixels]), tuple(left_out))


def _read_squares(
    job: EncodingJob, images: Sequence[PoolImage]
) -> tuple[Images, npt.NDArray[np.int64], list[LeftOut]]:
    def read(image: PoolImage) -> Images | str:
        path = job.source / image.path
        try:
            pixels = read_square(path, job.side, job.channels)
        except (ValueError, OSError) as error:
            return str(error)
        lost = why_not_as_read(path, image)
        return f"it {lost}" if lost else pixels

    good, positions, left_out = [], [], []
    for row, pixels in enumerate(in_parallel(images, read)):
        if isinstance(pixels, str):
            left_out.append(LeftOut(images[row].path, pixels))
        else:
            good.append(pixels)
            positions.append(row)
    shape = (0, job.side, job.side, job.channels)
    array = np.stack(good) if good else np.empty(shape, np.uint8)
    return array, np.asarray(positions, dtype=np.int64), left_out


def features_of(
    job: EncodingJob, pixels: Images, progress: Progress = lambda report: None, **keep: Path
) -> Features:
    """Return the features (N, D) of images (N, H, W, channels).

    Args:
        job: whose encoder is asked.
        pixels: the images.
        progress: told of each epoch.
        keep: the folder `keep` of an encoder that goes on after a stop.

    Raises:
        ValueError: what the encoder raises, or what it makes is no embedding.
    """
    data = Dataset("images", ("unknown",), _unlabeled(pixels), _unlabeled(pixels[:1]))
    rng = generator("labeling encoder", job.name, job.seed)
    params = job.component.arguments(job.params)
    embedding = job.component.function(data, rng, progress, **keep, **params)
    check_embedding(job.name, embedding, data)
    return np.ascontiguousarray(embedding.train, dtype=np.float32)


def _unlabeled(pixels: Images) -> Split:
    return Split(pixels, np.zeros(len(pixels), dtype=np.int64))


def _tiny(pixels: Images) -> Bytes:
    from PIL import Image

    gray = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0]).convert("L")
    return np.asarray(gray.resize((16, 16), Image.Resampling.BOX))
