"""Features of one's own with an id a row: .npz, .npy with a list of ids, or Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rayal.array_input import feature_matrix
from rayal.contracts import Features
from rayal.hints import first_of
from rayal.labeling.errors import LabelingError
from rayal.storage import plain_files
from rayal.storage.archive_errors import NPZ_ERRORS

SUFFIXES = frozenset({".npy", ".npz", ".parquet"})
ID_NAMES = ("ids", "id", "path", "paths", "filepath", "rayal_id")
FEATURE_NAMES = ("features", "embeddings", "embedding")
_SHOWN = 8  # names in a message
Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class NamedFeatures:
    """Ids (N,), unique, and features (N, D); notes: what of the file was not used."""

    ids: tuple[str, ...]
    features: Features
    notes: tuple[str, ...] = ()


def read_features(path: Path, ids: Path | None = None) -> NamedFeatures:
    """Read a file of features.

    .npz: arrays `features` (N, D) and `ids` (N,). .npy: the matrix, its ids a line each in another
    file. Parquet: a column `id` or `path`, and a column of lists `features` or a column for each
    dimension.

    Args:
        path: of the file.
        ids: text file with a line for each row; needed with .npy alone.

    Raises:
        LabelingError: what is missing or does not fit, and the way out.
    """
    try:
        names, matrix, notes = _read(path, ids)
        features = feature_matrix(matrix)
        checked = _checked(np.asarray(names))
    except LabelingError:
        raise
    except NPZ_ERRORS as error:
        raise LabelingError(f"{path} cannot be read as features: {error}") from error
    if len(checked) != len(features):
        raise LabelingError(
            f"{path} has {len(features):,} rows of features and {len(checked):,} ids"
        )
    unique, counts = np.unique(np.asarray(checked, dtype=np.str_), return_counts=True)
    if (counts > 1).any():
        raise LabelingError(f"{path}: the id {str(unique[counts > 1][0])!r} stands in several rows")
    return NamedFeatures(tuple(checked), features, tuple(notes))


def _checked(names: npt.NDArray[np.generic]) -> list[str]:
    """Return ids as texts.

    Raises:
        ValueError: they are no texts or integers, a matrix, or one is empty.
    """
    if names.ndim != 1 or names.dtype.kind not in "USiu":
        raise ValueError(
            f"its ids are of shape {names.shape} and type {names.dtype}: one text or integer for "
            "each row is needed"
        )
    texts = [name.decode() if isinstance(name, bytes) else str(name) for name in names.tolist()]
    if "" in (stripped := [text.strip() for text in texts]):
        raise ValueError(f"the id of row {stripped.index('') + 1} is empty")
    return texts


def _read(path: Path, ids: Path | None) -> tuple[Sequence[Any] | Array, Array, list[str]]:
    """Return ids, features and notes."""
    if not plain_files.is_plain(path):
        raise LabelingError(f"{path} is no file of features")
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        if ids is None:
            raise LabelingError(f"{path} has no ids: name a file with a line each by --ids")
        lines = plain_files.read(ids).decode("utf-8-sig").splitlines()
        return np.asarray(lines, dtype=np.str_), loaded, []
    name = _one_of(path, loaded.files, ID_NAMES)
    features = np.asarray(loaded[_only_one_of(path, loaded.files, FEATURE_NAMES)])
    return np.asarray(loaded[name]), features, _note_of_ids(loaded.files, name)


def _one_of(path: Path, has: Sequence[str], names: tuple[str, ...]) -> str:
    first = next((name for name in names if name in has), None)
    if first is None:
        shown = ", ".join(has[:_SHOWN]) or "nothing"
        raise LabelingError(f"{path} has no '{names[0]}'; it has {shown}")
    return first


def _only_one_of(path: Path, has: Sequence[str], names: tuple[str, ...]) -> str:
    several = [name for name in names if name in has]
    if len(several) > 1:
        raise LabelingError(f"{path} has {' and '.join(several)}: keep one of them")
    return _one_of(path, has, names)


def _note_of_ids(has: Sequence[str], used: str) -> list[str]:
    others = [name for name in ID_NAMES if name in has and name != used]
    return [f"images are named by '{used}', not by '{others[0]}'"] if others else []


def _read_parquet(path: Path) -> tuple[Sequence[Any], Array, list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    name = _one_of(path, table.column_names, ID_NAMES)
    ids, notes = table[name].to_pylist(), _note_of_ids(table.column_names, name)
    if any(value is None for value in ids):
        raise ValueError(f"the id of row {ids.index(None) + 1} is empty")
    if set(FEATURE_NAMES) & set(table.column_names):
        column = _only_one_of(path, table.column_names, FEATURE_NAMES)
        return ids, np.asarray(table[column].to_pylist()), notes
    numbers = [f.name for f in table.schema if pa.types.is_floating(f.type) and f.name != name]
    if not numbers:
        raise LabelingError(f"{path} has neither a column 'features' nor columns of numbers")
    others = [other for other in table.column_names if other not in (name, *numbers)]
    notes.append(f"the features are the {len(numbers):,} columns {first_of(numbers, _SHOWN)}")
    if others:
        notes.append(
            f"columns that hold no decimal numbers are left out: {first_of(others, _SHOWN)}"
        )
    return ids, np.column_stack([table[column].to_numpy() for column in numbers]), notes
