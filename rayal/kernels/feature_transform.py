"""Transforms of features that are fitted to a pool: unit length, standardization, whitening.

With principal components v_j of the pool and standard deviations s_j along them, whitening divides
the component x'v_j by s_j: all directions count alike. Half-whitening divides by sqrt(s_j): a
direction along which images differ most still counts most, but less so. What lies between the two
extremes serves clusterings of few images best where the first components are about brightness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, with_config
from typing_extensions import NotRequired, TypedDict

from rayal.kernels.leading_eigenvectors import leading_eigenvectors

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Components = Annotated[int, Field(ge=1, le=100_000)]

ROWS = 8192  # in float64 at once, of as many features as follow, and fewer of more
EXACT = 2048  # features up to which their covariances are written out, at O(D^3)
FLAT = 1e-6  # part of the largest standard deviation below which a direction holds rounding alone
ROUNDING = 1e-12  # part of the mean below which a standard deviation is that of rounded sums

POWERS = {"pca": 0.0, "half_whiten": 0.5, "whiten": 1.0}  # of s_j that components are divided by


class FlatFeaturesError(ValueError):
    """All features are the same in all images, so that no direction tells them apart."""


@with_config(ConfigDict(extra="forbid", strict=True))
class FeatureTransform(TypedDict):
    """What is done to features, in this order; at most one of the last three.

    standardize: each feature to mean 0 and standard deviation 1 over the pool.
    unit: rows to unit length, before components are taken and again at the end.
    pca, half_whiten, whiten: to so many principal components of the pool, as they are, divided by
    the square root of their standard deviations, or by these.
    """

    standardize: NotRequired[bool]
    unit: NotRequired[bool]
    pca: NotRequired[Components]
    half_whiten: NotRequired[Components]
    whiten: NotRequired[Components]


@dataclass(frozen=True)
class FittedTransform:
    """A transform with the numbers of a pool: x -> unit((unit((x - mean) * scale) - center) V).

    mean, scale (D,) of the features; center (D,) and V (D, K) of the components, divided already.
    Parts that are None are left out.
    """

    unit: bool
    mean: Float64 | None = None
    scale: Float64 | None = None
    center: Float64 | None = None
    V: Float64 | None = None

    @property
    def components(self) -> int:
        """How many there are, 0 where none are asked for."""
        return 0 if self.V is None else self.V.shape[1]

    def __call__(self, features: npt.NDArray[Any]) -> Float32:
        """Return (n, K) float32 of features (n, D)."""
        width = features.shape[1] if self.V is None else self.V.shape[1]
        result = np.empty((len(features), width), np.float32)
        for rows, part in self._before_components(features):
            if self.V is not None and self.center is not None:
                part = (part - self.center) @ self.V
                part = _unit(part) if self.unit else part
            result[rows] = part
        return result

    def _before_components(self, features: npt.NDArray[Any]) -> Iterator[tuple[slice, Float64]]:
        step = max(1, ROWS * EXACT // max(features.shape[1], EXACT))
        for start in range(0, len(features), step):
            rows = slice(start, start + step)
            part = features[rows].astype(np.float64)
            if self.mean is not None and self.scale is not None:
                part = (part - self.mean) * self.scale
            yield rows, _unit(part) if self.unit else part


def fit_transform(pool: npt.NDArray[Any], transform: FeatureTransform) -> FittedTransform:
    """Fit a transform to the features (N, D) of a pool; the same for every order of its rows.

    Directions along which the pool hardly differs are left out, so that there may be fewer
    components than were asked for.

    Raises:
        ValueError: as `check_transform`.
        FlatFeaturesError: components are asked for, and there are none.
    """
    check_transform(transform)
    unit, mean, scale = bool(transform.get("unit")), None, None
    if transform.get("standardize"):
        mean, variance = _moments(FittedTransform(unit=False), pool, whole=False)
        spread = np.sqrt(variance)
        scale = np.divide(
            1, spread, out=np.zeros_like(spread), where=spread > ROUNDING * np.abs(mean)
        )
    so_far = FittedTransform(unit, mean, scale)
    kind = next((kind for kind in POWERS if kind in transform), None)
    if kind is None:
        return so_far
    count = min(components_asked_for(transform), pool.shape[1])
    find = _directions if pool.shape[1] <= EXACT else _leading_directions
    center, variances, directions = find(so_far, pool, count)
    return FittedTransform(
        unit, mean, scale, center, _components(center, variances, directions, POWERS[kind])
    )


def components_asked_for(transform: FeatureTransform) -> int:
    """Return the number of principal components, 0 where features are not put into these."""
    given: dict[str, Any] = dict(transform)
    return next((given[kind] for kind in POWERS if kind in given), 0)


def check_transform(transform: FeatureTransform) -> None:
    """Refuse a transform that says nothing or two things.

    Raises:
        ValueError: no part is asked for, or more than one kind of components.
    """
    kinds = [kind for kind in POWERS if kind in transform]
    if len(kinds) > 1:
        raise ValueError(f"{' and '.join(kinds)} exclude each other; give one")
    if not kinds and not any(transform.values()):
        raise ValueError(
            "nothing is asked for; give unit: true, standardize: true, or a number of components "
            "such as half_whiten: 64, or leave it out"
        )


def _moments(
    so_far: FittedTransform, pool: npt.NDArray[Any], *, whole: bool
) -> tuple[Float64, Float64]:
    """Return mean (D,) and covariance (D, D), or its diagonal (D,), of what is fitted so far."""
    N, D = pool.shape
    total = np.zeros(D)
    for _, part in so_far._before_components(pool):
        total += part.sum(axis=0)
    mean = total / N
    squares = np.zeros((D, D) if whole else D)
    for _, part in so_far._before_components(pool):
        part = part - mean
        squares += part.T @ part if whole else np.square(part).sum(axis=0)
    return mean, squares / N


def _directions(
    so_far: FittedTransform, pool: npt.NDArray[Any], count: int
) -> tuple[Float64, Float64, Float64]:
    """Return mean (D,), largest variances (K,), falling, and their directions (D, K)."""
    center, covariance = _moments(so_far, pool, whole=True)
    variances, directions = np.linalg.eigh(covariance)
    return center, variances[::-1][:count], directions[:, ::-1][:, :count]


def _leading_directions(
    so_far: FittedTransform, pool: npt.NDArray[Any], count: int
) -> tuple[Float64, Float64, Float64]:
    """Return the same by products with the pool alone: some 10 of O(N D (K + 32)).

    Its random directions are always the same, so that the answer is a function of the pool.
    """
    center, _ = _moments(so_far, pool, whole=False)

    def covariance_times(x: Float64) -> Float64:
        product = np.zeros_like(x)
        for _, part in so_far._before_components(pool):
            part -= center
            product += part.T @ (part @ x)
        return product / len(pool)

    rng = np.random.default_rng(0)
    return center, *leading_eigenvectors(covariance_times, pool.shape[1], count, rng)


def _components(center: Float64, variances: Float64, directions: Float64, power: float) -> Float64:
    """Return principal directions (D, K), largest variance first, each divided by s ** power.

    center (D,): of the pool, beside which variances may be those of rounding.

    Signs are those by which a direction's largest entry is positive.
    """
    spread = np.sqrt(np.maximum(variances, 0))
    kept = spread > max(FLAT * spread[0], ROUNDING * float(np.linalg.norm(center)))
    if not kept.any():
        raise FlatFeaturesError(
            "all features are the same in all images: there is nothing to tell apart"
        )
    directions, spread = directions[:, kept], spread[kept]
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    return np.asarray(directions * np.sign(largest) / spread**power)


def _unit(rows: Float64) -> Float64:
    """Scale rows to unit length; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0))
