"""Features of the images of a project, in blocks that outlive a kill.

An encoder that takes each image by itself is given a block at a time; what is made lies in
DIR/.work until all is there. One that trains is given all images at once, from a file.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.contract_checks import check_embedding
from rayal.contracts import Dataset, DataShape, Features, Images, Progress, Split
from rayal.datasets._files.cache import check_space, content_key
from rayal.datasets._files.progress import with_progress
from rayal.labeling.current_files import why_not_as_read
from rayal.labeling.errors import LabelingError
from rayal.labeling.pictures import read_square
from rayal.labeling.pool import LeftOut, PoolImage
from rayal.labeling.reading import in_parallel
from rayal.registry import ENCODERS, Component
from rayal.seeds import generator
from rayal.storage.archive_errors import ARCHIVE_ERRORS
from rayal.storage.atomic import write_bytes
from rayal.storage.file_hash import file_hashes
from rayal.traits import EncoderTraits

FORMAT = 2  # raised by hand when features come to be made otherwise
BLOCK = 1024  # images of a block
LARGEST_SIDE, SMALLEST_SIDE = 224, 8  # pixels that images are brought to before the encoder
SMALLEST_NETWORK_SIDE = 96
Bytes = npt.NDArray[np.uint8]
_UNREADABLE = (*ARCHIVE_ERRORS, KeyError)


@dataclass(frozen=True)
class Encoded:
    """Rows of the images that could be read: positions (n,), features (n, D), tiny (n, 16, 16).

    tiny: gray pictures by which near-duplicates are told.
    """

    positions: npt.NDArray[np.int64]
    features: Features
    tiny: Bytes
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class EncodingJob:
    """What is encoded how.

    source: the folder that paths are relative to. work: for what is made on the way. name, params:
    of the encoder. side, channels: of the arrays that images are read into. contents: SHA-256 of
    the files that the encoder reads, by the parameter that names each.
    """

    source: Path
    work: Path
    name: str
    params: Mapping[str, Any]
    side: int
    channels: int
    seed: int = 0
    contents: Mapping[str, str] = field(default_factory=dict)

    @property
    def component(self) -> Component[EncoderTraits]:
        return ENCODERS.find(self.name)

    @property
    def trains(self) -> bool:
        """Whether the encoder is trained on the images; then it has to see all of them."""
        return self.component.is_trained_on_images


def contents_of(name: str, params: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each file that an encoder reads, by the parameter that names it.

    Raises:
        LabelingError: one of them cannot be read.
    """
    component = ENCODERS.find(name)
    try:
        return file_hashes(component.files(component.bind(params)))
    except OSError as error:
        raise LabelingError(f"encoder '{name}': {error}") from error


def check_contents(name: str, params: Mapping[str, Any], expected: Mapping[str, str]) -> None:
    """Refuse an encoder whose files are not those that features were made with.

    Raises:
        LabelingError: one of them has another content, or cannot be read.
    """
    present = contents_of(name, params) if expected else {}
    for parameter, sha256 in expected.items():
        if present.get(parameter) != sha256:
            raise LabelingError(
                f"encoder '{name}': {parameter}={params.get(parameter)} is not the file that the "
                f"features were made with (sha256 {sha256[:12]}, now "
                f"{present.get(parameter, 'none')[:12]}): put that one back"
            )


def side_of(images: Sequence[PoolImage]) -> int:
    """Return the side of the squares that images are read into: their median, 224 at most."""
    short = np.median([min(image.width, image.height) for image in images])
    return int(min(max(short, SMALLEST_SIDE), LARGEST_SIDE))


def network_side(side: int) -> int:
    """Return the pixels that a network for 224 is given of images of so many: twice theirs.

    Enlarging small images further costs time and gained nothing (blood cells of 28 pixels, 100
    labels: accuracy .700 at 96, .701 at 128, for half the time).
    """
    return min(LARGEST_SIDE, max(SMALLEST_NETWORK_SIDE, 32 * -(-2 * side // 32)))


def notes_of(job: EncodingJob, count: int) -> list[str]:
    """Return what a person should know before the encoder runs, such as where weights come from.

    Raises:
        LabelingError: the encoder cannot run: no weights, wrong parameters.
    """
    try:
        job.component.traits.check(job.params, count)
        shape = DataShape(count, 0, (job.side, job.side, job.channels))
        return job.component.traits.notes(job.params, shape)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        raise LabelingError(
            f"encoder '{job.name}': {error}; or name another way: --features FILE, or --encoder "
            "pixels for raw pixels, by which choices are poor"
        ) from error


def encode(job: EncodingJob, images: Sequence[PoolImage]) -> Encoded:
    """Return the features of all images that can be read; the others are left out.

    Raises:
        LabelingError: no image can be read, the disk has no room, or a file of the encoder was
            exchanged meanwhile.
        ValueError: what the encoder raises.
    """
    job.work.mkdir(exist_ok=True)
    blocks = [images[start : start + BLOCK] for start in range(0, len(images), BLOCK)]
    unit = f"blocks of {BLOCK:,} images"
    progress = with_progress(_blocks(job, blocks), len(blocks), "describing", unit)
    encoded = _joined(list(progress))
    check_contents(job.name, job.params, job.contents)
    if not len(encoded.positions):
        reasons = "; ".join(f"{image.path}: {image.reason}" for image in encoded.left_out[:3])
        raise LabelingError(f"no image of {job.source} can be read: {reasons}")
    return encoded if not job.trains else _trained(job, images, encoded)


def forget_work(work: Path) -> None:
    """Remove what was made on the way."""
    shutil.rmtree(work, ignore_errors=True)


def _blocks(job: EncodingJob, blocks: Sequence[Sequence[PoolImage]]) -> Iterator[Encoded]:
    start = 0
    for block in blocks:
        encoded = _block(job, block)
        yield Encoded(encoded.positions + start, encoded.features, encoded.tiny, encoded.left_out)
        start += len(block)


def _block(job: EncodingJob, images: Sequence[PoolImage]) -> Encoded:
    """Return a block from the disk where it was made before, else make it and keep it."""
    facts = [(image.rayal_id, image.path) for image in images]
    encoder = None if job.trains else (job.name, sorted(job.params.items()), job.seed, job.contents)
    key = content_key(FORMAT, encoder, job.side, job.channels, facts)
    path = job.work / f"{key}.npz"
    with contextlib.suppress(*_UNREADABLE):  # absent, or damaged: it is made
        return _read_block(path)
    encoded = _make_block(job, images)
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
    return encoded


def _read_block(path: Path) -> Encoded:
    with np.load(path, allow_pickle=False) as kept:
        left_out = tuple(LeftOut(str(name), str(reason)) for name, reason in kept["left_out"])
        return Encoded(kept["positions"], kept["features"], kept["tiny"], left_out)


def _make_block(job: EncodingJob, images: Sequence[PoolImage]) -> Encoded:
    pixels, positions, left_out = _read_squares(job, images)
    if not len(positions):
        empty = np.empty((0, 0), np.float32)
        return Encoded(positions, empty, np.empty((0, 16, 16), np.uint8), tuple(left_out))
    features = np.empty((len(pixels), 0), np.float32) if job.trains else _features(job, pixels)
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


def _features(
    job: EncodingJob, pixels: Images, progress: Progress = lambda report: None, **keep: Path
) -> Features:
    """Return the features (N, D) of images (N, H, W, channels)."""
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


def _joined(blocks: Sequence[Encoded]) -> Encoded:
    filled = [block for block in blocks if len(block.positions)]
    left_out = tuple(file for block in blocks for file in block.left_out)
    if not filled:
        nothing = np.empty((0, 0), np.float32)
        none = np.empty(0, np.int64)
        return Encoded(none, nothing, np.empty((0, 16, 16), np.uint8), left_out)
    positions, features, tiny = (
        np.concatenate([getattr(block, name) for block in filled])
        for name in ("positions", "features", "tiny")
    )
    return Encoded(positions, features, tiny, left_out)


def _trained(job: EncodingJob, images: Sequence[PoolImage], read: Encoded) -> Encoded:
    """Train the encoder on all images that can be read, from a file of their pixels."""
    shape = (len(read.positions), job.side, job.side, job.channels)
    check_space(job.work, int(np.prod(shape)))
    pixels = np.lib.format.open_memmap(job.work / "pixels.npy", "w+", np.uint8, shape)
    squares = in_parallel(
        [images[row] for row in read.positions],
        lambda image: read_square(job.source / image.path, job.side, job.channels),
    )
    for row, square in enumerate(with_progress(squares, len(pixels), "reading again")):
        pixels[row] = square
    keep = job.work / "training"
    keep.mkdir(exist_ok=True)
    features = _features(job, pixels, _EpochLines(), keep=keep)
    return Encoded(read.positions, features, read.tiny, read.left_out)


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
