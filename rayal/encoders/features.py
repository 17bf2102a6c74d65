"""Features of one's own: a matrix in a file, made by any network anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.contracts import (
    Dataset,
    DataShape,
    Embedding,
    Features,
    Progress,
    Split,
    encoder,
)
from rayal.encoders._features.extraction import allocate_features
from rayal.kernels.gemm_distances import chunks
from rayal.kernels.validation import misfit_of_rounding
from rayal.storage.archive_errors import ARCHIVE_ERRORS
from rayal.storage.file_hash import file_hash
from rayal.traits import DatasetPart
from rayal.vision import notes

SPLITS = ("train", "test")
_COUNTED = re.compile(r"(train|test)/\d+")


def _check(params: Mapping[str, Any], N: int) -> None:
    """Refuse files that are absent or hold no matrix, when a sweep is planned."""
    if params["path"] is None:
        if params["ids"] is not None:
            raise ValueError(f"ids={params['ids']} names the rows of path, and there is no path")
        return
    stored = _read(params["path"])
    ids = _read_ids(params["ids"])
    rows = sum(map(len, stored))
    if ids is not None and len(ids) != rows:
        raise ValueError(f"ids={params['ids']} has {len(ids)} lines for the {rows} rows of path")
    if len(stored) == 2 and len(stored[0]) != N:
        raise ValueError(
            f"path={params['path']}: train has {len(stored[0])} rows, and the pool {N} images"
        )
    if len(stored) == 1 and rows <= N:
        raise ValueError(
            f"path={params['path']} has {rows} rows; give one for each of the {N} images of the "
            "pool, and after them one for each of the test set"
        )


def _notes(params: Mapping[str, Any], shape: DataShape) -> list[str]:
    if params["path"] is None:
        return [f"features: those of the dataset, {shape.N + shape.M:,} rows of float32"]
    path = Path(params["path"]).expanduser()
    D = _read(params["path"])[0].shape[1]
    return [
        f"features: {path} (sha256 {file_hash(path)[:12]})",
        notes.feature_size(shape.N, shape.M, D),
    ]


def _reads(params: Mapping[str, Any]) -> DatasetPart:
    return "features" if params["path"] is None else "nothing"


@encoder(check=_check, notes=_notes, reads=_reads, draws=lambda _: False)
def features(
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    *,
    path: str | None = None,
    ids: str | None = None,
) -> Embedding:
    """Return the rows of a matrix that was made elsewhere, or the features of a set of shards.

    The file is an .npz with the arrays train (N, D) and test (M, D), or an .npy of N + M rows, the
    pool's before the test set's. Rows stand in the dataset's order, or ids says which image each
    one is. For images in a folder the order is hard to know: give ids.

    Args:
        dataset: the pool and the test set.
        rng: not used.
        progress: told nothing.
        path: the .npz or .npy file; None if the dataset comes with features (`shards`).
        ids: text file with a line for each row of the matrix (train before test in an .npz): the
            image's path in the dataset's folder, such as cat/001.png; or train/0, train/1 ..
            test/0, test/1 .., counted in the dataset's order. Every image needs exactly one row.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no such matrix, images have no row or several, or 32-bit floats do not
            tell its numbers apart; there is no path, and the dataset has no features.
    """
    if path is None:
        return Embedding(_of_split(dataset.train), _of_split(dataset.test))
    stored, named = _read(path), _read_ids(ids)
    N, M = len(dataset.train.labels), len(dataset.test.labels)
    matrix = stored[0] if len(stored) == 1 else np.concatenate(stored)
    train, test = np.arange(N), np.arange(N, N + M)
    if len(matrix) != N + M or (len(stored) == 2 and len(stored[0]) != N):
        shapes = " and ".join(str(part.shape) for part in stored)
        raise ValueError(
            f"path={path} is {shapes}, and the dataset has {N} images in the pool and {M} to test: "
            "a row for each is needed"
        )
    if misfit := misfit_of_rounding(matrix):
        raise ValueError(f"path={path}: {misfit}")
    if named is None and matrix.dtype == np.float32:
        return Embedding(np.ascontiguousarray(matrix[:N]), np.ascontiguousarray(matrix[N:]))
    if named is not None:
        train, test = np.split(_rows(named, dataset, str(ids)), [N])
    return Embedding(_float32(matrix, train), _float32(matrix, test))


def _of_split(split: Split) -> Features:
    """Return the features (n, D) that come with the data; more than 1 GiB of them lie in a file."""
    if split.features is None:
        raise ValueError("path is needed: the dataset has images, and no features of its own")
    taken, start = np.empty((0, 0), np.float32), 0
    for part in split.features.parts():
        if not start:
            taken = allocate_features(len(split.labels), part.shape[1])
        for rows in chunks(len(part)):
            taken[start + rows.start : start + rows.stop] = part[rows]
        start += len(part)
    return taken


def _read(path: str) -> list[npt.NDArray[Any]]:
    """Return the matrix (N + M, D), or those of pool and test set; .npy is memory-mapped.

    Raises:
        FileNotFoundError, ValueError: as `features` does.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"path={path}: there is no such file; give its path")
    try:
        stored = np.load(file, mmap_mode="r", allow_pickle=False)
    except ARCHIVE_ERRORS as error:
        raise ValueError(f"path={path} is no .npy and no .npz of numbers ({error})") from None
    if isinstance(stored, np.lib.npyio.NpzFile):
        missing = [name for name in SPLITS if name not in stored.files]
        if missing:
            raise ValueError(
                f"path={path} has the arrays {', '.join(stored.files) or 'none'}; name them train "
                "and test"
            )
        parts = [_array_of(path, stored, name) for name in SPLITS]
    else:
        parts = [stored]
    for part in parts:
        _check_numbers(path, part)
    if len({part.shape[1] for part in parts}) > 1:
        raise ValueError(f"path={path}: train and test have rows of different lengths")
    return parts


def _array_of(path: str, stored: np.lib.npyio.NpzFile, name: str) -> npt.NDArray[Any]:
    try:
        return np.asarray(stored[name])
    except ARCHIVE_ERRORS as error:
        raise ValueError(f"path={path}: the array '{name}' is damaged ({error})") from None


def _check_numbers(path: str, part: npt.NDArray[Any]) -> None:
    if part.ndim != 2 or part.dtype.kind not in "fiu" or 0 in part.shape:
        raise ValueError(
            f"path={path} holds an array of shape {part.shape} of {part.dtype}; a matrix of "
            "numbers is needed, a row for each image"
        )


def _read_ids(ids: str | None) -> list[str] | None:
    if ids is None:
        return None
    file = Path(ids).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"ids={ids}: there is no such file; give its path")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"ids={ids} is no text file ({error})") from None
    words = text.split()
    if all(map(_COUNTED.fullmatch, words)):
        return words
    return [line.strip() for line in text.splitlines() if line.strip()]  # paths may have blanks


def _rows(named: list[str], dataset: Dataset, ids: str) -> npt.NDArray[np.int64]:
    """Return the row of each image, the pool's before the test set's."""
    row_of = {name: row for row, name in enumerate(named)}
    images = _names(named, dataset)
    missing = [name for name in images if name not in row_of]
    if missing or len(row_of) != len(named):
        what = f"no row is {missing[0]}" if missing else "a name stands on several lines"
        raise ValueError(f"ids={ids}: {what}; every image needs one line{_ways(dataset)}")
    return np.array([row_of[name] for name in images])


def _names(named: list[str], dataset: Dataset) -> list[str]:
    """Return the names of all images, of the kind that the file of ids has."""
    train, test = dataset.train, dataset.test
    if train.files is not None and test.files is not None:
        files = [*train.files, *test.files]
        if not set(named).isdisjoint(files):
            return files
    N, M = len(train.labels), len(test.labels)
    return [*(f"train/{i}" for i in range(N)), *(f"test/{i}" for i in range(M))]


def _ways(dataset: Dataset) -> str:
    """Say how images are named."""
    files, N, M = dataset.train.files, len(dataset.train.labels), len(dataset.test.labels)
    counted = f"train/0 .. train/{N - 1} and test/0 .. test/{M - 1}"
    return f": {counted}" if files is None else f": its path, such as {files[0]}, or {counted}"


def _float32(matrix: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> Features:
    """Return some rows (n,) of a matrix as float32; more than 1 GiB of them lie in a file."""
    taken = allocate_features(len(rows), matrix.shape[1])
    for part in chunks(len(rows)):
        taken[part] = matrix[rows[part]]
    return taken
