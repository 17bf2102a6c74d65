"""The features of a project's pool, and how they were made.

DIR/features.npy   a row of float32 for each row of pool.csv
DIR/features.json  notes, how the images were described, and hashes by which both files are known
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from rayal.contracts import Features
from rayal.kernels.gemm_distances import chunks
from rayal.labeling.errors import LabelingError
from rayal.labeling.own_files import damaged, read_object
from rayal.storage import plain_files
from rayal.storage.atomic import temporary_beside, write_bytes
from rayal.storage.file_hash import file_hash

ARRAY, ABOUT = "features.npy", "features.json"


@dataclass(frozen=True)
class Description:
    """How the images of a pool were described.

    notes: for people, a line each. job: the encoder and the squares that it saw, as
    `rayal.labeling.encoding_job.EncodingJob` has them; empty for features that came in a file.
    contents: SHA-256 of the files that the encoder reads, by the parameter that names each.
    """

    notes: Sequence[str] = ()
    job: Mapping[str, Any] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)


def write_features(
    root: Path, features: npt.NDArray[np.floating[Any]], ids: Sequence[str], how: Description
) -> None:
    """Write features (N, D), which may be mapped and of float16, and how they were made.

    Raises:
        OSError: the disk is full or cannot be written to.
    """
    with temporary_beside(root / ARRAY) as temporary, temporary.open("wb") as file:
        _write_float32(file, features)
    about = {
        "notes": how.notes,
        "shape": features.shape,
        "job": how.job,
        "contents": how.contents,
        "features": file_hash(root / ARRAY),
        "ids": _hash_of(ids),
    }
    write_bytes(root / ABOUT, json.dumps(about, indent=1).encode())


def read_features(root: Path, ids: Sequence[str]) -> Features:
    """Return the features (N, D) of images with these ids, memory-mapped and read-only.

    Raises:
        LabelingError: the file is absent or damaged, or its rows are those of other images or of
            another order.
        OSError: it may not be read.
    """
    features = _mapped(root / ARRAY)
    if len(features) != len(ids):
        raise LabelingError(
            f"{root / ARRAY} has {len(features):,} rows, and the pool {len(ids):,} images; "
            "restore both from one copy"
        )
    about = _about(root)
    if about.get("ids", _hash_of(ids)) != _hash_of(ids):
        raise damaged(root / "pool.csv", f"its rows are not those of {ARRAY}, in their order")
    if "features" in about and about["features"] != file_hash(root / ARRAY):
        raise damaged(root / ARRAY, "it is not what was written")
    return features


def read_description(root: Path) -> Description:
    """Return how the images of a project were described.

    Raises:
        LabelingError: the file is damaged, or of a project that is not whole.
    """
    about = _about(root)
    try:
        return Description(about.get("notes", ()), dict(about["job"]), about.get("contents", {}))
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(
            root / ABOUT, f"it does not say how images were described: {error}"
        ) from error


def _about(root: Path) -> dict[str, Any]:
    try:
        return read_object(root / ABOUT)
    except FileNotFoundError as error:
        raise damaged(root / ABOUT, "it is missing") from error


def _mapped(path: Path) -> Features:
    if not plain_files.is_plain(path):
        raise damaged(path, "there is no such file")
    try:
        features = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise damaged(path, error) from error
    if not isinstance(features, np.memmap) or features.ndim != 2 or features.dtype != np.float32:
        raise damaged(path, "it is no matrix of float32")
    return features


def _write_float32(file: BinaryIO, features: npt.NDArray[np.floating[Any]]) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": features.shape}
    np.lib.format.write_array_header_1_0(file, header)
    for rows in chunks(len(features)):
        file.write(np.ascontiguousarray(features[rows], dtype="<f4").tobytes())


def _hash_of(ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()
