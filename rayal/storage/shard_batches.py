"""Rows on their way into shards: held against what one machine takes, and cut to size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from rayal.kernels.validation import misfit_of_probabilities, misfit_of_squares

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
    if not isinstance(rows, int | np.integer) or isinstance(rows, bool) or rows < 1:
        raise ValueError(f"rows_per_shard is {rows!r}; it is a whole number of at least 1")
    held: list[Batch] = []
    count = 0
    for number, batch in enumerate(batches):
        _check_shapes(batch, f"batch {number}")
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
        widths = sorted({np.shape(each)[1:] for each in parts if each is not None})
        if len(widths) > 1:
            raise ValueError(
                f"{name} of batches have different widths: rows of the shapes "
                f"{' and '.join(map(str, widths[:2]))}; give all rows the same"
            )
        arrays[name] = None if parts[0] is None else np.concatenate(parts)
    features = arrays["features"]
    assert features is not None
    return Batch(ids, features, arrays["probs"], arrays["scores"])


def checked_features(batch: Batch, dtype: Dtype, name: str) -> Numbers:
    """Return features in the type of the disk."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}; it is one of {', '.join(DTYPES)}")
    if np.ma.isMaskedArray(batch.features):
        raise ValueError(f"{name}: features are masked, and shards have no mask; fill them")
    features = np.asarray(batch.features)
    if features.dtype.kind not in "fiu":
        raise ValueError(f"{name}: features must be real numbers, not {features.dtype}")
    if 0 in features.shape:
        raise ValueError(f"{name}: features must be (n, D), both at least 1, not {features.shape}")
    _check_rows(batch, name)
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(features, dtype=dtype)
    _check_stored(batch, features, stored, name)
    return stored


def _check_stored(batch: Batch, features: Numbers, stored: Numbers, name: str) -> None:
    """Refuse rows that the type of the disk does not hold, or with which nobody can compute."""
    bad = ~np.isfinite(stored).all(axis=1)
    lost = ~stored.any(axis=1) & features.any(axis=1)
    large = np.zeros(len(stored), dtype=bool)
    if stored.itemsize > 2 and misfit_of_squares(_largest(stored), 2 * stored.shape[1]):
        sizes = np.abs(stored).max(axis=1)
        large = np.array([misfit_of_squares(s, 2 * stored.shape[1]) == "overflow" for s in sizes])
    for rows, fault in (
        (bad, f"which is no finite {stored.dtype}; leave it out, or scale the features"),
        (lost, f"and is all zeros in {stored.dtype}; scale the features"),
        (large, "and squares of differences overflow in 32 bits; scale the features"),
    ):
        if rows.any():
            row = int(np.flatnonzero(rows)[0])
            largest = np.abs(features[row]).max()
            raise ValueError(
                f"{name}: row {row} ({batch.ids[row]}) goes up to {largest:g}, {fault}"
            )


def _largest(values: Numbers) -> float:
    return float(max(values.max(), -values.min()))


def checked_scores(scores: Numbers) -> Numbers:
    """Return scores (n,) in 32 bits where these hold them exactly, else in 64."""
    scores = np.asarray(scores)
    with np.errstate(over="ignore"):
        half = np.ascontiguousarray(scores, dtype=np.float32)
    return half if (half == scores).all() else np.ascontiguousarray(scores, dtype=np.float64)


def _check_rows(batch: Batch, name: str) -> None:
    _check_shapes(batch, name)
    if batch.probs is not None:
        _check_probs(np.asarray(batch.probs), name)
    if batch.scores is not None:
        scores = np.asarray(batch.scores)
        if scores.ndim != 1 or scores.dtype.kind not in "fiu" or not np.isfinite(scores).all():
            raise ValueError(f"{name}: scores must be finite numbers (n,), {_found(scores)}")
    _check_ids(batch.ids, name)
    ids = Counter(map(str, batch.ids))
    if len(ids) != len(batch.ids):
        twice = next(i for i, count in ids.items() if count > 1)
        raise ValueError(f"{name}: the id {twice!r} stands in several rows")


def _check_ids(ids: Sequence[object], name: str) -> None:
    """Refuse ids that no table of labels can name."""
    for row, value in enumerate(ids):
        if value is None or isinstance(value, bytes | float | np.floating):
            raise ValueError(f"{name}: the id of row {row} is {value!r}; give text")
        if not str(value):
            raise ValueError(f"{name}: the id of row {row} is empty; give it one")
        try:
            str(value).encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"{name}: the id {str(value)!r} of row {row} is no text that UTF-8 can write; "
                "give it another"
            ) from None


def _check_shapes(batch: Batch, name: str) -> None:
    shape = np.shape(batch.features)
    if len(shape) != 2:
        raise ValueError(f"{name}: features must be (n, D), both at least 1, not {shape}")
    n = shape[0]
    for what in ("ids", "probs", "scores"):
        array = getattr(batch, what)
        if array is not None and len(array) != n:
            raise ValueError(f"{name}: {len(array)} {what} for {n} rows of features")


def _check_probs(probs: npt.NDArray[Any], name: str) -> None:
    if probs.ndim != 2 or probs.shape[1] < 2 or probs.dtype.kind not in "fiu":
        raise ValueError(
            f"{name}: probs must be (n, C), of at least two classes, {_found(probs)}; of two "
            "classes give np.column_stack([1 - p, p])"
        )
    if not np.isfinite(probs).all():
        raise ValueError(f"{name}: probs must be finite")
    if misfit := misfit_of_probabilities(probs):
        raise ValueError(
            f"{name}: probs must be probabilities, from 0 up and with rows that sum to one; "
            f"{misfit}. Give the softmax of logits"
        )


def _found(array: npt.NDArray[Any]) -> str:
    return f"not {array.dtype} {array.shape}"
