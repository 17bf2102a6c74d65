"""What components return, held to their contracts where it is handed over, once for all.

Letters as in `rayal.contracts`: N pool, M test set, C classes, D features, T passes, A views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.contracts import (
    UNLABELED,
    Dataset,
    DatasetMap,
    Embedding,
    Features,
    Indices,
    Labels,
    Predictions,
    Probs,
    TrialData,
)
from rayal.kernels.validation import misfit_of_squares
from rayal.label_arrays import has_label

_ROWS_AT_ONCE = 4096  # of features that are looked at; all may be too large for memory
_SUM_TOLERANCE = 1e-3  # of the probabilities of an image; float32 sums are off by less


def check_choice(name: str, chosen: Any, labels: Labels, budget: int) -> Indices:
    """Return a copy of a strategy's choice (B,): it may use its array for the next.

    labels: (N,) or (N, C), those that it saw.

    Raises:
        ValueError: it is not exactly B distinct unlabeled int64 positions.
    """
    array, wrong = _array_of_choice(name, chosen), ""
    if np.ma.is_masked(chosen):
        wrong = "a masked array: it has to name positions alone"
    elif array.dtype != np.int64 or array.ndim != 1:
        wrong = f"an array of {array.dtype} with shape {array.shape}, not int64 ({budget},)"
    elif len(array) != budget:
        wrong = f"{len(array)} images, not the {budget} asked for"
    elif len(array) and (array.min() < 0 or array.max() >= len(labels)):
        wrong = f"positions from {array.min()} to {array.max()}, outside 0 to {len(labels) - 1}"
    elif len(np.unique(array)) != budget:
        wrong = "the same image more than once"
    elif np.any(has_label(labels[array])):
        wrong = f"{int(np.sum(has_label(labels[array])))} images that have a label already"
    if wrong:
        raise ValueError(f"strategy '{name}' returned {wrong}")
    return np.array(array, subok=False)


def _array_of_choice(name: str, chosen: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(chosen)
    except Exception as error:  # arrays of other libraries raise what they like
        raise ValueError(
            f"strategy '{name}' returned a {type(chosen).__name__} that cannot be read as an array "
            f"of positions ({type(error).__name__}: {error})"
        ) from error


def checked_predictions(name: str, predictions: Any, data: TrialData) -> Predictions:
    """Return a learner's predictions, each part checked when it is computed.

    Raises:
        ValueError: they are no Predictions, or (then or later) probabilities have another shape
            than (M, C) and (N, C), are not finite, below zero, or do not sum to one (above one,
            where an image may have several classes); or features of the pool are not finite (N, H).
    """
    learner = f"learner '{name}'"
    if not isinstance(predictions, Predictions):
        raise ValueError(f"{learner} returned a {type(predictions).__name__}, not Predictions")
    N, M, C = len(data.embedding.train), len(data.embedding.test), data.dataset.num_classes
    unchecked = predictions
    probabilities = _independent if data.dataset.multilabel else _probabilities

    def probs_of_pool(what: str, probs: Any) -> Probs:
        return probabilities(learner, what, probs, (N, C))

    def features_of_pool(what: str, compute: Callable[[], Any] | None, width: int | None) -> Any:
        return compute and (lambda: _numbers(learner, what, compute(), (N, width)))

    def mc_dropout(passes: int, rng: np.random.Generator) -> Iterator[Probs]:
        assert unchecked.mc_dropout is not None
        return _each(unchecked.mc_dropout(passes, rng), "dropout", probs_of_pool)

    def predict_views() -> Iterator[Probs]:
        assert unchecked.predict_views is not None
        return _each(unchecked.predict_views(), "view", probs_of_pool)

    def last_layer() -> Features:
        assert unchecked.last_layer is not None
        weights = unchecked.last_layer()
        finite = np.array(weights)
        if finite.ndim == 2:
            certain = np.isinf if data.dataset.multilabel else np.isneginf
            finite[certain(finite[:, -1]), -1] = 0  # of classes that are never predicted, or always
        _numbers(learner, "last-layer weights", finite, (C, None))
        return weights

    return Predictions(
        test=probabilities(learner, "test", unchecked.test, (M, C)),
        predict_pool=lambda: probs_of_pool("pool", unchecked.pool),
        mc_dropout=unchecked.mc_dropout and mc_dropout,
        predict_views=unchecked.predict_views and predict_views,
        penultimate_features=features_of_pool(
            "hidden features", unchecked.penultimate_features, None
        ),
        last_layer=unchecked.last_layer and last_layer,
        prototype_outputs=features_of_pool("prototype outputs", unchecked.prototype_outputs, C - 1),
        pseudo_labels=_pseudo_labels(learner, unchecked.pseudo_labels, N, C),
    )


def _pseudo_labels(learner: str, labels: Labels | None, N: int, C: int) -> Labels | None:
    """Hold the classes (N,) that a learner gave itself to their range."""
    if labels is None:
        return None
    labels = np.asarray(labels)
    known = labels.shape == (N,) and labels.dtype.kind in "iu"
    if not known or ((labels < UNLABELED) | (labels >= C)).any():
        raise ValueError(
            f"{learner} gave pseudo-labels of shape {labels.shape} and type {labels.dtype}, not a "
            f"class 0 to {C - 1} or {UNLABELED} for each of {N} images"
        )
    return labels.astype(np.int64)


def check_embedding(name: str, embedding: Any, data: Dataset) -> None:
    """Hold an encoder's embedding to its contract.

    Raises:
        ValueError: it is no Embedding, or its features or views have wrong shapes or types or are
            not finite, or its map has not a finite number for each image.
    """
    if not isinstance(embedding, Embedding):
        raise ValueError(
            f"encoder '{name}' returned a {type(embedding).__name__}, not an Embedding"
        )
    N = len(data.train.images)
    _check_features(name, "training", embedding.train, N, data)
    _check_features(name, "test", embedding.test, len(data.test.images), data)
    if embedding.test.shape[1] != embedding.train.shape[1]:
        raise ValueError(
            f"encoder '{name}' gave {embedding.train.shape[1]} features of each training image "
            f"and {embedding.test.shape[1]} of each test image; the same D is needed"
        )
    if embedding.map is not None:
        _check_map(name, embedding.map, N)
    views = embedding.views
    if views is None:
        return
    if views.ndim != 3 or views.shape[1:] != embedding.train.shape:
        raise ValueError(
            f"encoder '{name}' gave views with shape {views.shape}; (A, N, D) with N, D = "
            f"{embedding.train.shape}, those of the training features, is needed"
        )
    for number, view in enumerate(views, start=1):
        _check_features(name, f"view {number}", view, N, data)


def _check_features(name: str, what: str, features: Features, n: int, data: Dataset) -> None:
    shape, dtype = np.shape(features), getattr(features, "dtype", type(features).__name__)
    if dtype != np.float32 or len(shape) != 2 or shape[0] != n or not shape[1]:
        raise ValueError(
            f"encoder '{name}' gave {what} features of {dtype} with shape {shape} for {n} images; "
            "float32 (N, D) is needed"
        )
    size, bad = 0.0, []
    for start in range(0, n, _ROWS_AT_ONCE):
        largest = np.abs(features[start : start + _ROWS_AT_ONCE]).max(axis=1)
        bad += (start + np.flatnonzero(~np.isfinite(largest))).tolist()
        size = max(size, float(largest.max()))
    if bad:
        raise ValueError(
            f"encoder '{name}' gave NaN or infinite features for {len(bad)} of {n} "
            f"{what} images of {data.name}, the first at index {bad[0]}; nothing can be "
            "chosen by such features: train it with a lower learning rate or look at the images"
        )
    if misfit := misfit_of_squares(size, n * shape[1]):
        raise ValueError(
            f"encoder '{name}' gave {what} features as large as {size:.3g}, and squared distances "
            f"between them {misfit} in 32-bit floats: nothing can be chosen by such features; "
            "scale them, as to unit length"
        )


def _check_map(name: str, table: DatasetMap, n: int) -> None:
    """Refuse a dataset map with other columns than finite (N,) for each training image."""
    columns: dict[str, npt.NDArray[Any]] = {"count": table.count}
    for tau, values in table.confidence.items():
        columns[f"confidence at {tau:g}"] = values
        columns[f"variability at {tau:g}"] = table.variability[tau]
    if table.truth is not None:
        columns["truth confidence"], columns["truth variability"] = table.truth
    for what, column in columns.items():
        shape = np.shape(column)
        if shape != (n,) or not np.isfinite(column).all():
            raise ValueError(
                f"encoder '{name}' gave a dataset map whose {what} has shape {shape}"
                f"{' and is not finite' if shape == (n,) else ''}; finite numbers ({n},) are "
                "needed, one for each training image"
            )


def _each(probs: Iterable[Any], what: str, check: Callable[[str, Any], Probs]) -> Iterator[Probs]:
    return (check(f"{what} {number}", each) for number, each in enumerate(probs, start=1))


def _probabilities(learner: str, what: str, probs: Any, shape: tuple[int, int]) -> Probs:
    """Return probabilities (n, C) as they are, or say what is wrong with them."""
    if np.ndim(probs) == 2 and np.shape(probs)[1] < shape[1]:
        raise ValueError(
            f"{learner} gave {what} probabilities with {np.shape(probs)[1]} of {shape[1]} columns; "
            "a class without a label needs a column too, of zeros"
        )
    array = _numbers(learner, f"{what} probabilities", probs, shape)
    off = (array < 0).any(axis=1) | (np.abs(array.sum(axis=1) - 1) > _SUM_TOLERANCE)
    if off.any():
        first = int(np.flatnonzero(off)[0])
        raise ValueError(
            f"{learner} gave {what} probabilities that are below zero or do not sum to one, for "
            f"{off.sum()} of {len(array)} images; the first, in row {first}, are "
            f"{np.round(array[first][:8], 4).tolist()}"
        )
    return array


def _independent(learner: str, what: str, probs: Any, shape: tuple[int, int]) -> Probs:
    """Return probabilities (n, C), each of a class for itself, or say what is wrong with them."""
    array = _numbers(learner, f"{what} probabilities", probs, shape)
    off = ((array < 0) | (array > 1)).any(axis=1)
    if off.any():
        first = int(np.flatnonzero(off)[0])
        raise ValueError(
            f"{learner} gave {what} probabilities outside 0 to 1 for {off.sum()} of {len(array)} "
            f"images; the first, in row {first}, are {np.round(array[first][:8], 4).tolist()}"
        )
    return array


def _numbers(
    learner: str, what: str, values: Any, shape: tuple[int, int | None]
) -> npt.NDArray[Any]:
    """Return finite floats (n, width), read-only, or say what is wrong with them."""
    n, width = shape
    kind = getattr(values, "dtype", type(values).__name__)
    right = isinstance(values, np.ndarray) and values.dtype.kind == "f" and values.ndim == 2
    if not right or len(values) != n or width not in (None, values.shape[1]):
        needed = f"({n}, {'H' if width is None else width})"
        raise ValueError(
            f"{learner} gave {what} of {kind} with shape {np.shape(values)}; floats {needed} are "
            "needed"
        )
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{learner}: the {what} of {bad.sum()} of {n} images are NaN or infinite, the first "
            f"in row {np.flatnonzero(bad)[0]}: the learner diverged; lower its lr"
        )
    finite: npt.NDArray[Any] = values.view()
    finite.flags.writeable = False  # for who asks next sees the same numbers
    return finite
