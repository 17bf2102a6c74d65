"""`rayal.query`: one strategy, one choice, from arrays; for a notebook or another tool."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.array_input import (
    Array,
    check_same_order,
    class_labels,
    class_probabilities,
    confidences,
    feature_matrix,
    plain_parameter,
    true_or_false,
    whole_number,
)
from rayal.contract_checks import check_choice
from rayal.contracts import (
    UNLABELED,
    DatasetMap,
    Features,
    Indices,
    Labels,
    Pool,
    Predictions,
)
from rayal.feature_ties import (
    EqualFeaturesError,
    check_apart,
    common_part,
    refuse_alike,
    watched_pool,
)
from rayal.registry import STRATEGIES, Component
from rayal.requirements import FROM_LEARNER, REQUIREMENTS
from rayal.seeds import generator
from rayal.traits import StrategyTraits

READERS: Mapping[str, Callable[[Any], Array]] = {
    "features": feature_matrix,
    "labels": class_labels,
    "probs": class_probabilities,
    "confidence": confidences,
}


def query(  # noqa: PLR0913 - each array is one thing that a strategy may look at
    strategy: str,
    budget: int,
    *,
    features: npt.ArrayLike | None = None,
    labels: npt.ArrayLike | None = None,
    probs: npt.ArrayLike | None = None,
    confidence: npt.ArrayLike | None = None,
    seed: int = 0,
    bare_pixels: bool = False,
    **params: Any,
) -> Indices:
    """Return the positions of the images to label next, best first.

    Arrays may be NumPy's, PyTorch's tensors of any device, pandas' columns, pyarrow's, or nested
    lists; row i of each is image i. N is the pool's size, D features, C classes, T passes.

    Args:
        strategy: a strategy's YAML name.
        budget: B, how many images: a whole number from 1 to those without a label.
        features: (N, D) real numbers, not the same in all rows, for strategies that look at the
            images' positions; computed with in 32-bit floats. A mapped file of float32 or float16
            (`np.load(file, mmap_mode="r")`) is not copied. They also stand for what the
            learner's last layer sees (badge, dbal) and, (N, C - 1), for its outputs before fixed
            prototypes (msal).
        labels: (N,) integers: classes from 0, -1 where unknown; default: all unknown.
        probs: (N, C) class probabilities, for strategies that look at predictions: from 0 up, rows
            that sum to one. (T, N, C) of T passes, for those that look at how Monte-Carlo passes or
            augmented copies disagree.
        confidence: (N,) of the dataset map, for hacon.
        seed: a whole number; the same seed gives the same choice, whatever kind of integer it is.
        bare_pixels: whether features are the pixels, which no network has seen, for auto.
        params: the strategy's parameters, as in a sweep file; NumPy's numbers count as Python's.

    Returns:
        int64 (budget,), distinct positions without a label. Where features tell fewer images apart
        than the budget, a warning says so, and equal ones follow an order drawn by the seed; that
        choice need not begin with those of smaller budgets, as it does otherwise where a strategy's
        budgets nest.

    Raises:
        ValueError: an unknown name or parameter; arrays that do not fit together or are columns of
            pandas in different orders, are not finite or are not what they should be
            (probabilities, labels from 0); a budget above what is left; or an array that the
            strategy needs is absent.
    """
    component = _component(strategy)
    bound = component.bind({name: plain_parameter(value) for name, value in params.items()})
    by_name = {"features": features, "labels": labels, "probs": probs, "confidence": confidence}
    check_same_order(by_name)
    arrays = {n: READERS[n](value) for n, value in by_name.items() if value is not None}
    if "features" in arrays and not component.traits.blockwise:
        arrays["features"] = arrays["features"].astype(np.float32, copy=False)
    _check_needs(component, bound, arrays)
    _check_passes(params.get("passes"), arrays.get("probs"))
    labels_known = arrays.setdefault("labels", _no_labels(arrays))
    component.traits.check(bound, len(labels_known), {})  # of an encoder nothing is known
    left = int(np.count_nonzero(labels_known == UNLABELED))
    budget = whole_number("budget", budget)
    if not 1 <= budget <= left:
        raise ValueError(f"budget={budget} is out of bounds: 1 to {left} images are unlabeled")
    pool_of = partial(_pool, component, bound, true_or_false("bare_pixels", bare_pixels))
    chosen = _chosen(component, bound, arrays, pool_of, budget, whole_number("seed", seed))
    return check_choice(strategy, chosen, labels_known, budget)


def _chosen(
    component: Component[StrategyTraits],
    bound: Mapping[str, Any],
    arrays: Mapping[str, Array],
    pool_of: Callable[[Mapping[str, Array], Callable[[], None]], Pool],
    budget: int,
    seed: int,
) -> Indices:
    """Ask the strategy; where it reads features that are equal in part, of a shuffled pool."""

    def ask(arrays: Mapping[str, Array], on_read: Callable[[], None]) -> Indices:
        pool = pool_of(arrays, on_read)
        rng = generator("query", "", seed, 0)
        chosen: Indices = component.function(pool, budget, rng, **bound)
        return chosen

    told: list[str] = []
    try:
        check = partial(_check_features, component, bound, arrays, budget, told.append)
        return ask(arrays, check)
    except EqualFeaturesError as ties:
        warnings.warn(f"{ties} in an order drawn by the seed", stacklevel=3)
        order = generator("query ties", "", seed, 0).permutation(len(arrays["labels"]))
        shuffled = {n: a[:, order] if n == "probs" else a[order] for n, a in arrays.items()}
        positions: Indices = order[ask(shuffled, lambda: None)]
        return positions
    finally:
        for text in dict.fromkeys(told):
            warnings.warn(text, stacklevel=3)


def _component(strategy: Any) -> Component[StrategyTraits]:
    if not isinstance(strategy, str):
        raise ValueError(
            f"strategy must be a strategy's name, such as 'kmeans'; got a {type(strategy).__name__}"
        )
    return STRATEGIES.find(strategy)


def _no_labels(arrays: Mapping[str, Array]) -> Labels:
    return np.full(_common_size(arrays), UNLABELED, dtype=np.int64)


def _common_size(arrays: Mapping[str, Array]) -> int:
    """Return N, the rows of all arrays; probs are (T, N, C)."""
    sizes = {n: array.shape[1 if n == "probs" else 0] for n, array in arrays.items()}
    if len(set(sizes.values())) != 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items()) or "nothing"
        raise ValueError(
            f"the arrays must be of one length N, the pool's size; given: {listed}; "
            "pass at least one of features, labels, probs, confidence"
        )
    return int(sizes.popitem()[1])


def _check_needs(
    component: Component[StrategyTraits], bound: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Refuse a strategy whose needs the arrays do not meet."""
    strategy = f"strategy '{component.name}'"
    if component.traits.oracle(bound):
        raise ValueError(
            f"{strategy} reads the true labels of the pool with these parameters, which "
            "a query does not have; it serves comparisons in a sweep"
        )
    for name in sorted(component.traits.needs(bound)):
        row = REQUIREMENTS[name]
        if not row.query_array:
            raise ValueError(f"{strategy} needs {name} with these parameters: use a sweep")
        array = arrays.get(row.query_array)
        if row.passes and (array is None or len(array) < 2):
            raise ValueError(f"{strategy} needs {row.passes}: pass probs=(T, N, C), T passes")
        if array is None:
            raise ValueError(f"{strategy} needs {name}: pass {row.query_array}=")


def _check_passes(passes: Any, probs: Array | None) -> None:
    """Refuse a number of passes that the given ones are not."""
    if passes is not None and probs is not None and len(probs) > 1 and passes != len(probs):
        raise ValueError(f"passes={passes}, but probs holds {len(probs)} passes")


def _pool(
    component: Component[StrategyTraits],
    bound: Mapping[str, Any],
    bare_pixels: bool,
    arrays: Mapping[str, Array],
    on_read: Callable[[], None],
) -> Pool:
    """Return what the strategy is shown: each array in its place, and what it stands for.

    on_read: called before features are read.
    """
    _common_size(arrays)
    needs = component.traits.needs(bound)
    features, probs, labels = arrays.get("features"), arrays.get("probs"), arrays["labels"]
    learned = probs is not None or needs & FROM_LEARNER
    return watched_pool(on_read)(
        features=np.empty((0, 0), np.float32) if features is None else features,
        labels=labels,
        num_classes=_num_classes(labels, probs, features if "prototypes" in needs else None),
        map=_dataset_map(arrays.get("confidence"), bound),
        predictions=_predictions(features, probs, on_read) if learned else None,
        bare_pixels=bare_pixels,
    )


def _check_features(
    component: Component[StrategyTraits],
    bound: Mapping[str, Any],
    arrays: Mapping[str, Array],
    budget: int,
    tell: Callable[[str], None],
) -> None:
    """Say why a strategy that reads the features cannot choose by them alone.

    tell: takes what is to be warned of.

    Raises:
        ValueError: it cannot at all.
        EqualFeaturesError: it can, but for equal ones.
    """
    if (features := arrays.get("features")) is None:
        raise ValueError(f"strategy '{component.name}' needs features: pass features=(N, D)")
    refuse_alike(component, bound, features)
    if text := common_part(features):
        tell(text)
    check_apart(component, bound, features, budget)


def _predictions(
    features: Features | None, probs: Array | None, on_read: Callable[[], None]
) -> Predictions:
    """What a learner would have predicted, from arrays."""

    def read() -> Features:
        on_read()
        assert features is not None
        return features

    passes = [] if probs is None else [each.astype(np.float32) for each in probs]
    mean = np.empty((0, 0)) if probs is None else probs.mean(axis=0, dtype=np.float64)
    rows = mean.astype(np.float32)
    return Predictions(
        test=rows[:0],
        predict_pool=lambda: rows,
        mc_dropout=lambda T, rng: iter(passes),
        predict_views=lambda: iter(passes),
        penultimate_features=read,
        prototype_outputs=read,
    )


def _num_classes(labels: Labels, probs: Array | None, outputs: Features | None) -> int:
    """Return C: of the probabilities or prototypes, else as many as the labels name."""
    named = int(labels.max(initial=UNLABELED)) + 1
    by_probs = 0 if probs is None else probs.shape[2]
    by_outputs = 0 if outputs is None else outputs.shape[1] + 1
    if by_probs and by_outputs and by_probs != by_outputs:
        raise ValueError(
            f"probs has {by_probs} classes, and features stand for the learner's outputs before "
            f"fixed prototypes, of which there are C - 1: {by_outputs - 1} columns do not fit"
        )
    classes = by_probs or by_outputs
    if classes and named > classes:
        raise ValueError(
            f"labels go up to {named - 1}, and the arrays are of {classes} classes: classes are "
            "numbered from 0, so that label c is column c of probs; subtract 1 where labels begin "
            "at 1"
        )
    return classes or named


def _dataset_map(confidence: Array | None, bound: Mapping[str, Any]) -> DatasetMap | None:
    """Return a map of one temperature: the one that the strategy will ask for."""
    if confidence is None:
        return None
    if bound.get("order") == "ambiguous":
        raise ValueError("order: ambiguous goes by variability, which a query does not take")
    tau = float(bound.get("tau", 0.0))
    return DatasetMap({tau: confidence}, {}, np.ones(len(confidence), dtype=np.int64))
