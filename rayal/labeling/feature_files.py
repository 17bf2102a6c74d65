"""Features of one's own with an id a row: .npz, .npy with a list of ids, or Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rayal.array_input import feature_matrix
from rayal.contracts import Features
from rayal.labeling.errors import LabelingError

SUFFIXES = frozenset({".npy", ".npz", ".parquet"})
ID_NAMES = ("ids", "id", "path", "paths", "filepath", "rayal_id")
FEATURE_NAMES = ("features", "embeddings", "embedding")


@dataclass(frozen=True)
class NamedFeatures:
    """Ids (N,), unique, and features (N, D)."""

    ids: tuple[str, ...]
    features: Features


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
        names, matrix = _read(path, ids)
        features = feature_matrix(matrix)
    except LabelingError:
        raise
    except (OSError, ValueError, KeyError) as error:
        raise LabelingError(f"{path} cannot be read as features: {error}") from error
    if len(names) != len(features):
        raise LabelingError(f"{path} has {len(features):,} rows of features and {len(names):,} ids")
    unique, counts = np.unique(np.asarray(names, dtype=np.str_), return_counts=True)
    if (counts > 1).any():
        raise LabelingError(f"{path}: the id {str(unique[counts > 1][0])!r} stands in several rows")
    return NamedFeatures(tuple(names), features)


def _read(path: Path, ids: Path | None) -> tuple[list[str], npt.NDArray[np.generic]]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _read_parquet(path)
    loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        if ids is None:
            raise LabelingError(f"{path} has no ids: name a file with a line each by --ids")
        return ids.read_text(encoding="utf-8").splitlines(), loaded
    features, names = (_named(path, loaded, some) for some in (FEATURE_NAMES, ID_NAMES))
    return [str(name) for name in names], features


def _named(
    path: Path, loaded: np.lib.npyio.NpzFile, names: tuple[str, ...]
) -> npt.NDArray[np.generic]:
    for name in names:
        if name in loaded.files:
            return np.asarray(loaded[name])
    raise LabelingError(f"{path} has no array '{names[0]}'; it has {', '.join(loaded.files)}")


def _read_parquet(path: Path) -> tuple[list[str], npt.NDArray[np.generic]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    name = next((name for name in ID_NAMES if name in table.column_names), None)
    if name is None:
        raise LabelingError(f"{path} has no column 'id' or 'path'; it has {table.column_names[:8]}")
    ids = [str(value) for value in table[name].to_pylist()]
    for column in FEATURE_NAMES:
        if column in table.column_names:
            return ids, np.asarray(table[column].to_pylist())
    numbers = [f.name for f in table.schema if pa.types.is_floating(f.type) and f.name != name]
    if not numbers:
        raise LabelingError(f"{path} has neither a column 'features' nor columns of numbers")
    return ids, np.column_stack([table[column].to_numpy() for column in numbers])
