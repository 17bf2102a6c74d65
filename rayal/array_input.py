"""Arrays, numbers and parameters as people have them, made plain or refused with one message.

Letters as in `rayal.contracts`. Everything here raises ValueError, and its message names the
argument, the value and the way out.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rayal.contracts import UNLABELED, Features, Labels
from rayal.kernels.validation import (
    misfit_of_probabilities,
    misfit_of_rounding,
    misfit_of_squares,
)

Array: TypeAlias = npt.NDArray[Any]

MOST_CLASSES = 2**20
_ROWS_AT_ONCE = 8192
# Columns of a frame that name rows or say what they are, in lower case.
_NO_FEATURES = frozenset({
    "id", "ids", "index", "rayal_id", "path", "unnamed: 0", "label", "labels", "class", "target",
    "split", "fold", "group",
})  # fmt: skip
_LARGE = 1 << 27  # numbers of a matrix of float16 from which on it is not converted


def whole_number(name: str, value: Any) -> int:
    """Return a Python or NumPy integer as an int.

    Raises:
        ValueError: it is no integer, or has more than 64 bits.
    """
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise ValueError(f"{name} must be a whole number; got {_shown(value)}")
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"{name} must be a whole number of at most 64 bits; got a longer one")
    return number


def true_or_false(name: str, value: Any) -> bool:
    """Return Python's or NumPy's True or False as a bool.

    Raises:
        ValueError: it is neither; every text that is not empty, "no" too, counts as true in Python.
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False; got {_shown(value)}")
    return bool(value)


def plain_parameter(value: Any) -> Any:
    """Return a strategy's parameter with NumPy's numbers as Python's, inside of it too."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    if isinstance(value, dict):
        return {name: plain_parameter(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(plain_parameter, value))
    return value


def feature_matrix(value: Any) -> Features:
    """Return features (N, D) as contiguous float32; a vector (N,) is one column.

    No copy is made of such a matrix, so that it may be a mapped file. One of float16 with 2^27
    numbers or more, which would take more than 512 MiB, stays as it is.

    Refused are numbers whose squared distances overflow or vanish in 32-bit floats, and columns
    whose variation 32-bit floats cannot hold: a strategy would choose by rounding errors.
    """
    _check_names(value)
    array = number_array("features", value, "a matrix of numbers (N, D)")
    matrix = array[:, None] if array.ndim == 1 else array
    if matrix.ndim != 2:
        raise ValueError(
            f"features must be a matrix of numbers (N, D); got {array.dtype} {array.shape}; "
            "make each image one row: features.reshape(len(features), -1)"
        )
    if not matrix.shape[1]:
        raise ValueError(f"features has no column: its shape is {matrix.shape}; (N, D) is needed")
    _check_finite("features", matrix)
    _check_size(matrix)
    if matrix.dtype == np.float16 and matrix.size >= _LARGE and matrix.flags.c_contiguous:
        return matrix  # for strategies that read blocks
    if misfit := misfit_of_rounding(matrix):
        raise ValueError(f"features: {misfit}")
    return np.ascontiguousarray(matrix, dtype=np.float32)


def _check_names(value: Any) -> None:
    """Refuse a frame with a column that by its name is no feature, such as one of labels.

    Raises:
        ValueError: it has.
    """
    names = getattr(value, "column_names", getattr(value, "columns", ()))  # Arrow's, others'
    texts = [name for name in names if isinstance(name, str)] if isinstance(names, Iterable) else []
    others = [name for name in texts if name.strip().casefold() in _NO_FEATURES]
    if others:
        raise ValueError(
            f"features has the column {others[0]!r}, which is no feature by its name: leave "
            f"it out, or rename it if it is one"
        )


def class_probabilities(value: Any) -> Array:
    """Return class probabilities of T passes, (T, N, C) floats; (N, C) is one pass.

    Raises:
        ValueError: another shape, fewer than two classes, no row, or rows that are not
            probabilities.
    """
    array = number_array("probs", value, "class probabilities (N, C), or (T, N, C) of T passes")
    if array.ndim not in (2, 3) or array.shape[-1] < 2:
        raise ValueError(
            f"probs must be class probabilities (N, C), or (T, N, C) of T passes, with a column "
            f"for each of at least two classes; got {array.dtype} {array.shape}. Where p is the "
            "probability of one of two classes, pass np.column_stack([1 - p, p])"
        )
    passes = array if array.ndim == 3 else array[None]
    if not passes.shape[1]:
        raise ValueError(f"probs holds no row: its shape is {array.shape}")
    for each in passes:
        _check_probabilities(each)
    return np.maximum(passes, 0)


def class_labels(value: Any) -> Labels:
    """Return labels (N,) as int64: classes from 0, -1 where unknown.

    Raises:
        ValueError: another shape, no integers, or a class below -1 or above the bound.
    """
    array = number_array("labels", value, "(N,) integers, -1 where unknown")
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be (N,) integers, -1 where unknown; got {array.dtype} {array.shape}"
        )
    lowest, highest = int(array.min()), int(array.max())
    if lowest < UNLABELED:
        raise ValueError(
            f"labels must be classes from 0, and -1 where unknown; got {lowest}: pass "
            "np.where(labels < 0, -1, labels) if that too means unknown"
        )
    if highest >= MOST_CLASSES:
        raise ValueError(
            f"labels must be classes from 0 to {MOST_CLASSES - 1:,}; got {highest}: number the "
            "classes from 0, as np.unique(labels, return_inverse=True) does"
        )
    return array.astype(np.int64)


def confidences(value: Any) -> Array:
    """Return confidences (N,) of a dataset map, finite floats.

    Raises:
        ValueError: another shape, or NaN or infinity.
    """
    array = number_array("confidence", value, "(N,) finite numbers")
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(
            f"confidence must be (N,) finite numbers; got {array.dtype} {array.shape}"
            f"{' with NaN or infinity' if array.ndim == 1 else ''}"
        )
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def check_same_order(given: Mapping[str, Any]) -> None:
    """Refuse columns of pandas with the same index in another order: rows count by position.

    given: what was passed, by argument.
    """
    indexed = [
        (name, value.index)
        for name, value in given.items()
        if type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "index")
    ]
    for (first, index), (name, other) in itertools.pairwise(indexed):
        if len(index) != len(other) or index.equals(other) or not other.is_unique:
            continue
        if len(index.symmetric_difference(other)) == 0:
            raise ValueError(
                f"{first} and {name} have the same index in different orders, and row i of each is "
                f"image i: pass {name}.loc[{first}.index]"
            )


def number_array(name: str, value: Any, wanted: str) -> Array:
    """Return an array of one or more dimensions of floats or integers in native byte order.

    Raises:
        ValueError: a single value, no row, or values that are not real numbers.
    """
    array = _as_array(name, value)
    if array.ndim == 0:
        raise ValueError(f"{name} must be {wanted}; got {_shown(value)}")
    if not len(array):
        raise ValueError(f"{name} must be {wanted}; got none: its shape is {array.shape}")
    if array.dtype.kind not in "fiu":
        raise ValueError(
            f"{name} must be {wanted}; got {array.dtype} {array.shape}: pass real numbers, as "
            f"np.asarray({name}, dtype=float) makes them where it can"
        )
    if array.dtype.itemsize > 8:  # longer floats
        return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _as_array(name: str, value: Any) -> Array:
    """Return what holds numbers as an array, whatever they are."""
    library = type(value).__module__.partition(".")[0]
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(
            f"{name} is a masked array with {np.sum(np.ma.getmask(value))} masked values: pass "
            f"{name}.filled(...) or leave those images out"
        )
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise ValueError(
            f"{name} is a sparse matrix ({type(value).__name__}), which no strategy reads: pass "
            f"{name}.toarray()"
        )
    try:
        if library == "torch":
            value = _from_torch(value)
        array = np.asarray(value)
        if array.dtype == object and library == "pandas":
            array = _from_pandas(value)
        if array.dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):  # of ml_dtypes
            array = array.astype(np.float32)
    except Exception as error:  # noqa: BLE001 - libraries raise what they like
        raise ValueError(
            f"{name} cannot be read as an array of numbers ({type(error).__name__}: {error}); pass "
            "a NumPy array"
        ) from None
    return array


def _from_torch(tensor: Any) -> Any:
    """Take a tensor off its graph and device; bfloat16, which NumPy lacks, becomes float32."""
    detached = tensor.detach().to_dense().cpu().resolve_conj().resolve_neg()
    floating = detached.is_floating_point() and detached.element_size() < 4
    return (detached.float() if floating else detached).numpy()


def _from_pandas(frame: Any) -> Array:
    """Read columns of pandas' own number types, in which a missing value is NaN."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    kinds = frame.dtypes if frame.ndim == 2 else [frame.dtype]
    if all(is_numeric_dtype(kind) and not is_bool_dtype(kind) for kind in kinds):
        array: Array = frame.to_numpy(dtype=np.float64, na_value=np.nan)
        return array
    return np.asarray(frame)


def _check_probabilities(array: Array) -> None:
    _check_finite("probs", array)
    if misfit := misfit_of_probabilities(array):
        raise ValueError(
            f"probs must be probabilities, from 0 up and with rows that sum to one; {misfit}. "
            "Pass the softmax of logits, the exponential of log-probabilities, percent over 100"
        )


def _check_finite(name: str, matrix: Array) -> None:
    starts = range(0, len(matrix), _ROWS_AT_ONCE)
    blocks = (matrix[start : start + _ROWS_AT_ONCE] for start in starts)
    bad = np.flatnonzero(np.concatenate([~np.isfinite(rows).all(axis=1) for rows in blocks]))
    if len(bad):
        raise ValueError(
            f"{name} has NaN or infinite values in {len(bad)} of {len(matrix)} rows, the first "
            f"at {bad[0]}; leave those images out"
        )


def _check_size(features: Array) -> None:
    """Refuse features whose squared distances, summed over the pool, leave 32-bit floats."""
    size = max(float(features.max()), -float(features.min()))
    if misfit := misfit_of_squares(size, features.size):
        raise ValueError(
            f"features are as large as {size:.3g}, and squared distances between them {misfit} in "
            "32-bit floats: scale them, as features / np.abs(features).max() does"
        )


def _shown(value: Any) -> str:
    """Show a value in a message, cut short."""
    text = repr(value) if isinstance(value, str | bytes | float | bool | None) else ""
    kind = type(value).__name__
    return f"{text[:40]} ({kind})" if text else f"a {kind}"
