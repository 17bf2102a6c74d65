"""An embedding as the files of one folder: each output by its name, in the format of its kind.

    NAME.npy            an array: train (N, D), test (M, D), views (A, N, D)
    NAME.parquet        a dataset map
    NAME.safetensors    arrays by name: weights

A further output of encoders, a field of `rayal.contracts.Embedding`, needs nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from rayal.contracts import DatasetMap, Embedding
from rayal.storage import dataset_map
from rayal.storage.arrays import map_array, write_array, write_stack


def write_embedding(folder: Path, embedding: Embedding) -> None:
    """Write what an encoder gave.

    Raises:
        OSError: the disk is full.
    """
    for field in fields(embedding):
        value = getattr(embedding, field.name)
        if isinstance(value, DatasetMap):
            dataset_map.write(folder / f"{field.name}.parquet", value)
        elif isinstance(value, Mapping):
            _write_by_name(folder / f"{field.name}.safetensors", value)
        elif value is not None and value.ndim == 3 and value.dtype == np.float32:
            write_stack(folder / f"{field.name}.npy", value)
        elif value is not None:
            write_array(folder / f"{field.name}.npy", value)


def read_embedding(folder: Path) -> Embedding:
    """Read what was written: arrays memory-mapped and read-only, None for what is not there.

    Raises:
        OSError, ValueError, EOFError: a file is absent or damaged.
    """
    names = [field.name for field in fields(Embedding) if field.default is None]
    optional = {name: _read_optional(folder, name) for name in names}
    return Embedding(
        train=map_array(folder / "train.npy"), test=map_array(folder / "test.npy"), **optional
    )


def _read_optional(folder: Path, name: str) -> Any:
    for suffix, read in _READERS.items():
        path = folder / f"{name}{suffix}"
        if path.exists():
            return read(path)
    return None


def _read_by_name(path: Path) -> Mapping[str, Any]:
    from safetensors.numpy import load_file

    arrays: Mapping[str, Any] = load_file(path)
    return arrays


def _write_by_name(path: Path, arrays: Mapping[str, Any]) -> None:
    from safetensors.numpy import save

    path.write_bytes(save({name: np.ascontiguousarray(value) for name, value in arrays.items()}))


_READERS: dict[str, Callable[[Path], Any]] = {
    ".npy": map_array,
    ".parquet": dataset_map.read,
    ".safetensors": _read_by_name,
}
