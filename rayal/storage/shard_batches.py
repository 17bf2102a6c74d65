"""Rows on their way into shards: held against what one machine takes, and cut to size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

DTYPES = ("float16", "float32")
Dtype: TypeAlias = Literal["float16", "float32"]
Numbers: TypeAlias = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Batch:
    """Rows to be written: ids (n,), features (n, D), and where there are any probs and scores."""

    ids: Sequence[str]
    features: Numbers
    probs: Numbers | None = None
    scores: Numbers | None = None


def cut(batches: Iterable[Batch], rows: int) -> Iterable[Batch]:
    """Cut batches of any sizes into such of `rows` rows, the last of what is left."""
    if rows < 1:
        raise ValueError(f"rows_per_shard is {rows}; it is at least 1")
    held: list[Batch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += len(batch.features)
        while count >= rows:
            joined = _joined(held)
            yield _part(joined, slice(0, rows))
            rest = _part(joined, slice(rows, None))
            count = len(rest.features)
            held = [rest] if count else []
    if count:
        yield _joined(held)


def _part(batch: Batch, rows: slice) -> Batch:
    def some(array: Numbers | None) -> Numbers | None:
        return None if array is None else array[rows]

    return Batch(batch.ids[rows], batch.features[rows], some(batch.probs), some(batch.scores))


def _joined(batches: Sequence[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    ids = [i for batch in batches for i in batch.ids]
    arrays: dict[str, Numbers | None] = {}
    for name in ("features", "probs", "scores"):
        parts = [getattr(batch, name) for batch in batches]
        if any(each is None for each in parts) and not all(each is None for each in parts):
            raise ValueError(f"some batches have {name} and others have none")
        arrays[name] = None if parts[0] is None else np.concatenate(parts)
    features = arrays["features"]
    assert features is not None
    return Batch(ids, features, arrays["probs"], arrays["scores"])


def checked_features(batch: Batch, dtype: Dtype, name: str) -> Numbers:
    """Return features in the type of the disk."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}; it is one of {', '.join(DTYPES)}")
    features = np.asarray(batch.features)
    if features.ndim != 2 or 0 in features.shape:
        raise ValueError(f"{name}: features must be (n, D), both at least 1, not {features.shape}")
    _check_rows(batch, name)
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(features, dtype=dtype)
    bad = np.flatnonzero(~np.isfinite(stored).all(axis=1))
    if len(bad):
        largest = np.abs(features[bad[0]]).max()
        raise ValueError(
            f"{name}: row {bad[0]} ({batch.ids[bad[0]]}) goes up to {largest:g}, which is no "
            f"finite {dtype}; leave it out, or scale the features"
        )
    return stored


def _check_rows(batch: Batch, name: str) -> None:
    n = len(batch.features)
    for what in ("ids", "probs", "scores"):
        array = getattr(batch, what)
        if array is not None and len(array) != n:
            raise ValueError(f"{name}: {len(array)} {what} for {n} rows of features")
    for what in ("probs", "scores"):
        array = getattr(batch, what)
        if array is not None and not np.isfinite(array).all():
            raise ValueError(f"{name}: {what} must be finite")
    if len(set(batch.ids)) != n:
        twice = next(i for i in batch.ids if list(batch.ids).count(i) > 1)
        raise ValueError(f"{name}: the id {twice!r} stands in several rows")
