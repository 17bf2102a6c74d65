"""Parameters that every strategy, every dataset and every encoder has besides its own.

* `label_balanced` of every strategy: choose equal numbers of each true class, in the strategy's own
  order; this reads true labels (HaCon, Table 1, rows "Unif.");
* `space` of every strategy that compares features alone: the encoder's features, or `hidden`, what
  the learner's last layer sees;
* `normalize` of those that do not scale features by themselves: rows to unit length;
* `imbalance` of every dataset: fewer images of some classes, in the pool alone;
* `features` of every encoder: a transform of its features, such as {unit: true, half_whiten: 64}
  (`kernels.feature_transform`).

The decorators of `rayal.contracts` apply them; what they work on is described by protocols here, so
that this module stands below the contracts.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from rayal.kernels.feature_transform import (
    FeatureTransform,
    check_transform,
    components_asked_for,
    fit_transform,
)
from rayal.kernels.imbalance import Imbalance, draw_imbalanced, name_suffix, reserved_and_kept
from rayal.kernels.ranking import class_balanced

Indices: TypeAlias = npt.NDArray[np.int64]
Float32: TypeAlias = npt.NDArray[np.float32]
Space: TypeAlias = Literal["features", "hidden"]  # the encoder's, or what the last layer sees


class LabeledPool(Protocol):
    """What `label_balanced` reads of a pool of N images."""

    @property
    def true_labels(self) -> Indices | None:
        """True classes (N,); None for a strategy that may not read them."""

    @property
    def unlabeled(self) -> Indices:
        """Ascending positions (U,)."""


def label_balanced(function: Callable[..., Indices]) -> Callable[..., Indices]:
    """Add the parameter `label_balanced` to a strategy."""

    def choose(
        pool: LabeledPool,
        budget: int,
        rng: np.random.Generator,
        *,
        label_balanced: bool = False,
        **params: Any,
    ) -> Indices:
        if not label_balanced:
            return function(pool, budget, rng, **params)
        if pool.true_labels is None:
            raise ValueError("label_balanced reads the true labels, and the pool was given none")
        # Each call starts from the same state, so that a longer answer begins like a shorter one.
        return class_balanced(
            lambda B: function(pool, B, deepcopy(rng), **params),
            pool.true_labels,
            pool.unlabeled,
            budget,
        )

    return with_parameters(choose, function, {"label_balanced": (bool, False)})


def geometric(function: Callable[..., Indices], *, normalizes: bool) -> Callable[..., Indices]:
    """Add the parameters `space` and `normalize` to a strategy that compares features alone.

    normalizes: whether it scales features to unit length by itself; `normalize` is then left out.
    One that it has of its own is kept.
    """
    own = inspect.signature(function).parameters
    more: dict[str, tuple[Any, Any]] = {}
    if "space" not in own:
        more["space"] = (Space, "features")
    if "normalize" not in own and not normalizes:
        more["normalize"] = (bool, False)

    def choose(pool: Any, budget: int, rng: np.random.Generator, **params: Any) -> Indices:
        requested = {name: params.pop(name, default) for name, (_, default) in more.items()}
        if requested.get("space") == "hidden":
            pool = replace(pool, features=pool.penultimate_features)
        if requested.get("normalize"):
            from rayal.kernels.clustering import unit_rows  # a plan waits for no faiss

            hidden = params.get("space") == "hidden"
            unit = unit_rows(pool.penultimate_features if hidden else pool.features)
            pool = replace(pool, features=unit)
            params |= {"space": "features"} if hidden else {}
        return function(pool, budget, rng, **params)

    return with_parameters(choose, function, more)


def imbalance(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the parameter `imbalance` to a loader of datasets."""

    def load(*, imbalance: Imbalance | None = None, **params: Any) -> Any:
        data = function(**params)
        if imbalance is None:
            return data
        if data.multilabel:
            raise ValueError(
                f"imbalance shrinks classes of which an image has one, and those of {data.name} "
                "have several: leave it out"
            )
        if data.train.features is not None:
            raise ValueError(
                f"imbalance leaves images out, and {data.name} comes as features of all of them: "
                "write shards of those that are to be kept"
            )
        images, labels = data.train.images, data.train.labels
        kept, reserved = draw_imbalanced(labels, data.num_classes, imbalance)
        files = data.train.files
        named = None if files is None else [files[row] for row in kept]
        return replace(
            data,
            name=data.name + name_suffix(imbalance),
            train=replace(data.train, images=images[kept], labels=labels[kept], files=named),
            initial_pool=reserved,
        )

    return with_parameters(load, function, {"imbalance": (Imbalance | None, None)})


def features(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the parameter `features` to an encoder."""
    signature = inspect.signature(function)

    def encode(*arguments: Any, features: FeatureTransform | None = None, **params: Any) -> Any:
        embedding = function(*arguments, **params)
        return embedding if features is None else embedding.transformed(features)

    kind = FeatureTransform | None
    functools.update_wrapper(encode, function)
    more = inspect.Parameter(
        "features", inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=None
    )
    parameters = [*signature.parameters.values(), more]
    encode.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    encode.__annotations__ = {**function.__annotations__, "features": kind}
    return encode


def check_features(params: Mapping[str, Any]) -> None:
    """Refuse a transform among an encoder's parameters that says nothing or two things."""
    if params.get("features") is not None:
        check_transform(params["features"])


def features_note(params: Mapping[str, Any]) -> list[str]:
    """Say what is done to an encoder's features, nothing where they stay as they are."""
    transform = params.get("features")
    if transform is None:
        return []
    parts = (f"{name}={value}" for name, value in transform.items() if value is not True)
    switches = (name for name, value in transform.items() if value is True)
    return [f"features are transformed: {', '.join([*switches, *parts])}"]


def transform_features(
    transform: FeatureTransform, train: Float32, test: Float32, views: Float32 | None
) -> tuple[Float32, Float32, Float32 | None]:
    """Return features of the pool (N, D), the test set (M, D) and copies (A, N, D) transformed.

    The transform is fitted to the pool alone. Warns where that has fewer components than asked for.
    """
    fitted = fit_transform(train, transform)
    if (kept := fitted.components) < (asked := components_asked_for(transform)):
        warnings.warn(
            f"features: {asked:,} principal components are asked for, and the pool has {kept:,}: "
            "in all other directions its features are the same, and those are left out",
            stacklevel=2,
        )
    copies = None if views is None else np.stack([fitted(view) for view in views])
    return fitted(train), fitted(test), copies


def published_size(
    published: Callable[..., tuple[int, int]], class_counts: Callable[..., Sequence[int]] | None
) -> Callable[..., tuple[int, int]]:
    """Add the parameter `imbalance` to a function that returns the published (N, C).

    class_counts: returns the published images of each class (C,); without it N is that before the
    imbalance.
    """

    def size(*, imbalance: Imbalance | None = None, **params: Any) -> tuple[int, int]:
        N, C = published(**params)
        if imbalance is None or class_counts is None:
            return N, C
        return int(np.sum(reserved_and_kept(np.array(class_counts(**params)), imbalance))), C

    return size


def with_parameters(
    wrapper: Callable[..., Any], function: Callable[..., Any], added: Mapping[str, tuple[Any, Any]]
) -> Callable[..., Any]:
    """Give a wrapper the name, text and keyword-only parameters of a function, and further ones.

    added: name -> (type, default); the wrapper has them by the same names.
    """
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    own = [p for p in inspect.signature(wrapper).parameters.values() if p.kind < keyword_only]
    inner = [p for p in inspect.signature(function).parameters.values() if p.kind is keyword_only]
    more = [
        inspect.Parameter(name, keyword_only, annotation=kind, default=default)
        for name, (kind, default) in added.items()
    ]
    functools.update_wrapper(wrapper, function)
    signature = inspect.Signature([*own, *inner, *more])
    wrapper.__signature__ = signature  # type: ignore[attr-defined]
    kinds = {name: kind for name, (kind, _) in added.items()}
    wrapper.__annotations__ = {**function.__annotations__, **kinds}
    return wrapper
