"""`rayal.query`: one strategy, one choice, from arrays; for a notebook or another tool."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from rayal.contract_checks import check_choice
from rayal.contracts import (
    UNLABELED,
    DatasetMap,
    Indices,
    Pool,
    Predictions,
    Probs,
)
from rayal.registry import STRATEGIES, Component
from rayal.requirements import FROM_LEARNER, REQUIREMENTS
from rayal.seeds import generator


def query(  # noqa: PLR0913 - each array is one thing that a strategy may look at
    strategy: str,
    budget: int,
    *,
    features: npt.ArrayLike | None = None,
    labels: npt.ArrayLike | None = None,
    probs: npt.ArrayLike | None = None,
    confidence: npt.ArrayLike | None = None,
    seed: int = 0,
    **params: Any,
) -> Indices:
    """Return the positions of the images to label next, best first.

    Args:
        strategy: a strategy's YAML name.
        budget: B, how many images.
        features: (N, D), for strategies that look at the images' positions. They also stand for
            what the learner's last layer sees (badge, dbal) and, (N, C - 1), for its outputs
            before fixed prototypes (msal).
        labels: (N,) integers, -1 where unknown; default: all unknown.
        probs: (N, C) class probabilities, for strategies that look at predictions; (T, N, C) of T
            passes, for those that look at how Monte-Carlo passes or augmented copies disagree.
        confidence: (N,) of the dataset map, for hacon.
        seed: the same seed gives the same choice.
        params: the strategy's parameters, as in a sweep file.

    Returns:
        int64 (budget,), distinct positions without a label.

    Raises:
        ValueError: an unknown name or parameter, arrays that do not fit together or are not
            finite, a budget above what is left, or an array that the strategy needs is absent.
    """
    component = STRATEGIES.find(strategy)
    bound = component.bind(params)
    arrays = {"features": features, "labels": labels, "probs": probs, "confidence": confidence}
    given = {name: np.asarray(value) for name, value in arrays.items() if value is not None}
    passes = _passes(given, params)
    size = _common_size(given)
    _check_needs(component, bound, given, passes)
    known = _labels(given.get("labels"), size)
    left = int(np.sum(known == UNLABELED))
    if not 1 <= budget <= left:
        raise ValueError(f"budget={budget} is out of bounds: 1 to {left} images are unlabelled")
    positions = _matrix("features", given.get("features"), _Absent(strategy))
    probabilities = _matrix("probs", given.get("probs"))
    outputs = "prototypes" in component.facts.needs(bound)
    pool = Pool(
        features=positions,
        labels=known,
        num_classes=_num_classes(known, probabilities, positions if outputs else None),
        map=_map(given.get("confidence"), bound),
        predictions=_predictions(component.facts.needs(bound), positions, probabilities, passes),
    )
    chosen = component.function(pool, budget, generator("query", "", seed, 0), **bound)
    return check_choice(strategy, chosen, known, budget)


class _Absent:
    """Stands for features that were not given; touching it says so."""

    def __init__(self, strategy: str) -> None:
        self._strategy = strategy

    def __getattr__(self, name: str) -> NoReturn:
        raise ValueError(f"strategy '{self._strategy}' needs features: pass features=(N, D)")

    # Python looks these up on the class, past __getattr__.
    def __len__(self) -> NoReturn:
        self.__getattr__("__len__")

    def __getitem__(self, rows: object) -> NoReturn:
        self.__getattr__("__getitem__")

    def __array__(self, *_: object, **__: object) -> NoReturn:
        self.__getattr__("__array__")


def _common_size(given: dict[str, npt.NDArray[Any]]) -> int:
    sizes = {name: len(array) for name, array in given.items() if array.ndim}
    if len(set(sizes.values())) != 1:
        said = ", ".join(f"{name} {size}" for name, size in sizes.items()) or "nothing"
        raise ValueError(
            f"the arrays must be of one length N, the pool's size; given: {said}; "
            "pass at least one of features, labels, probs, confidence"
        )
    return sizes.popitem()[1]


def _passes(given: dict[str, npt.NDArray[Any]], params: dict[str, Any]) -> list[Probs] | None:
    """Split probs (T, N, C) into its passes, and leave their mean in its place."""
    probs = given.get("probs")
    if probs is None or probs.ndim != 3:
        return None
    if params.get("passes", len(probs)) != len(probs):
        raise ValueError(f"passes={params['passes']}, but probs holds {len(probs)} passes")
    passes = [_matrix("probs", each) for each in probs]
    given["probs"] = np.asarray(np.mean(probs, axis=0, dtype=np.float64))
    return passes


def _predictions(
    needs: set[str], features: Any, probs: Probs | None, passes: list[Probs] | None
) -> Predictions | None:
    """What a learner would have said, from arrays; None where nothing of it is there."""
    if probs is None and not needs & FROM_LEARNER:
        return None
    rows = np.empty((0, 0), dtype=np.float32) if probs is None else probs
    return Predictions(
        test=rows[:0],
        predict_pool=lambda: rows,
        mc_dropout=lambda T, rng: iter(passes or []),
        predict_views=lambda: iter(passes or []),
        penultimate_features=lambda: features,
        prototype_outputs=lambda: features,
    )


def _check_needs(
    component: Component,
    bound: dict[str, Any],
    given: dict[str, npt.NDArray[Any]],
    passes: list[Probs] | None,
) -> None:
    strategy, needs = component.name, component.facts.needs(bound)
    if component.facts.oracle(bound):
        raise ValueError(
            f"strategy '{strategy}' reads the true labels of the pool with these parameters, which "
            "a query does not have; it serves comparisons in a sweep"
        )
    for name in sorted(needs):
        row = REQUIREMENTS[name]
        if not row.query_array:
            raise ValueError(
                f"strategy '{strategy}' needs {name} with these parameters: use a sweep"
            )
        if row.passes and passes is None:
            raise ValueError(
                f"strategy '{strategy}' needs {row.passes}: pass probs=(T, N, C), T passes"
            )
        if row.query_array not in given:
            raise ValueError(f"strategy '{strategy}' needs {name}: pass {row.query_array}=")


def _labels(labels: npt.NDArray[Any] | None, size: int) -> npt.NDArray[np.int64]:
    if labels is None:
        return np.full(size, UNLABELED, dtype=np.int64)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be (N,) integers, -1 where unknown; got {labels.dtype} {labels.shape}"
        )
    return labels.astype(np.int64)


def _matrix(name: str, array: npt.NDArray[Any] | None, absent: Any = None) -> Any:
    """Return a contiguous float32 matrix; a vector is one column."""
    if array is None:
        return absent
    matrix = array[:, None] if array.ndim == 1 else array
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be a matrix of numbers; got {array.dtype} {array.shape}")
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{name} has NaN or infinite values in {len(bad)} of {len(matrix)} rows, the first "
            f"at {bad[0]}; leave those images out"
        )
    return np.ascontiguousarray(matrix, dtype=np.float32)


def _num_classes(
    labels: npt.NDArray[np.int64], probs: Probs | None, outputs: npt.NDArray[Any] | None
) -> int:
    """Classes of the probabilities or of the prototypes, or as many as the labels name."""
    named = int(labels.max(initial=UNLABELED)) + 1
    widths = [
        0 if probs is None else probs.shape[1],
        0 if outputs is None else outputs.shape[1] + 1,
    ]
    return max(named, *widths)


def _map(confidence: npt.NDArray[Any] | None, bound: dict[str, Any]) -> DatasetMap | None:
    """A map of one temperature: the one that the strategy will ask for."""
    if confidence is None:
        return None
    if bound.get("order") == "ambiguous":
        raise ValueError("order: ambiguous goes by variability, which a query does not take")
    if confidence.ndim != 1 or not np.isfinite(confidence).all():
        raise ValueError(f"confidence must be (N,) finite numbers; got {confidence.shape}")
    tau = float(bound.get("tau", 0.0))
    values = confidence.astype(np.float32)
    return DatasetMap({tau: values}, {}, np.ones(len(values), dtype=np.int64))
