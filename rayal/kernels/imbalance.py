"""Which images of a pool are kept so that its classes come to unequal numbers.

Letters: N pool, C classes, n_c images of class c, rho the ratio of the largest class to the
smallest. Classes shrink in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field
from typing_extensions import NotRequired, TypedDict

from rayal.kernels.ranking import first_of_each

Counts = npt.NDArray[np.int64]

_BOUNDS: dict[str, tuple[Callable[[float], bool], str]] = {
    "exponential": (lambda ratio: 1 <= ratio < np.inf, "at least 1 and finite"),
    "step": (lambda fraction: 0 < fraction <= 1, "above 0 and at most 1"),
    "set_aside": (lambda share: 0 < share < 1, "above 0 and below 1"),
}
_NUDGE = 1e-9  # keeps 4500 * 0.1 at 450 where the product in binary is a hair under


class Imbalance(TypedDict):
    """How unequal: one of two shapes, and what is set aside before.

    exponential: rho; class c keeps floor(n_0 * rho ** (-c / (C - 1))).
    step: the second half of the classes keeps this fraction; 1 leaves all as they are.
    set_aside: this share of the pool, equally of each class, is kept whole for first labels.
    seed: of the draw; with one seed, a harsher ratio keeps a subset of what a milder one keeps,
    and the same images are set aside whatever the ratio.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    exponential: NotRequired[Annotated[float, Field(ge=1, allow_inf_nan=False)]]
    step: NotRequired[Annotated[float, Field(gt=0, le=1)]]
    set_aside: NotRequired[Annotated[float, Field(gt=0, lt=1)]]
    seed: NotRequired[Annotated[int, Field(ge=0)]]


def draw_imbalanced(
    labels: npt.NDArray[np.integer[Any]], num_classes: int, imbalance: Imbalance
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64] | None]:
    """Draw the images that are kept.

    The lists of images that HaCon and CBAL give with their code are other draws of these counts.

    Args:
        labels: (N,) classes 0 to C - 1.
        num_classes: C.
        imbalance: the shape; see `reserved_and_kept`.

    Returns:
        Ascending positions in the pool of the images kept, and, where some are set aside, the
        ascending places of these among the images kept.

    Raises:
        ValueError: as `reserved_and_kept`.
    """
    aside, kept = reserved_and_kept(np.bincount(labels, minlength=num_classes), imbalance)
    order = np.random.default_rng(imbalance.get("seed", 0)).permutation(len(labels))
    positions = np.sort(first_of_each(order, labels.astype(np.int64), aside + kept))
    if "set_aside" not in imbalance:
        return positions, None
    reserved = np.sort(first_of_each(order, labels.astype(np.int64), aside))
    return positions, np.searchsorted(positions, reserved).astype(np.int64)


def reserved_and_kept(
    counts: npt.NDArray[np.integer[Any]], imbalance: Imbalance
) -> tuple[Counts, Counts]:
    """Return how many images of each class (C,) are set aside, and how many of the rest are kept.

    Exponential imbalance is HaCon's CIFAR-10-LT and Cui et al. 2019 (rho = 100), step imbalance
    and the share set aside are CBAL's (section 5.1: step 0.3 or 0.1, set_aside 0.1).

    Raises:
        ValueError: no shape or both, a ratio out of bounds, or a class that is left no image.
    """
    _check(imbalance)
    aside = _set_aside(counts.astype(np.int64), imbalance.get("set_aside", 0.0))
    rest = counts - aside
    kept = (
        exponential_counts(rest, imbalance["exponential"])
        if "exponential" in imbalance
        else step_counts(rest, imbalance["step"])
    )
    if not kept.all():
        c = int(np.flatnonzero(kept == 0)[0])
        raise ValueError(
            f"imbalance {dict(imbalance)} leaves class {c} none of its {counts[c]:,} images; "
            "give a milder ratio, or set less aside"
        )
    return aside, kept


def exponential_counts(counts: npt.NDArray[np.integer[Any]], ratio: float) -> Counts:
    """Return floor(n_0 * rho ** (-c / (C - 1))) for each class c, (C,), of counts (C,).

    n_0 is the largest number that every class has enough images for: with equal classes, all of
    the first one; an imbalance of the same ratio is left as it is.
    """
    shares = ratio ** (-np.arange(len(counts)) / max(len(counts) - 1, 1))
    largest = np.ceil((counts + 1 - _NUDGE) / shares).min() - 1
    return np.asarray(np.floor(largest * shares + _NUDGE), dtype=np.int64)


def step_counts(counts: npt.NDArray[np.integer[Any]], fraction: float) -> Counts:
    """Return (C,): floor(fraction * n_c) for the last floor(C / 2) classes, n_c for the others."""
    minority = np.arange(len(counts)) >= len(counts) - len(counts) // 2
    kept = np.where(minority, np.floor(counts * fraction + _NUDGE), counts)
    return np.asarray(kept, dtype=np.int64)


def name_suffix(imbalance: Imbalance) -> str:
    """Return what the name of a dataset gets: -lt100, -step0.1, -step0.1-aside0.1-seed3."""
    names = {"exponential": "lt", "step": "step", "set_aside": "aside", "seed": "seed"}
    params: dict[str, Any] = dict(imbalance)
    return "".join(f"-{names[key]}{params[key]:g}" for key in names if params.get(key))


def _set_aside(counts: Counts, share: float) -> Counts:
    each = int(share * counts.sum() / len(counts) + _NUDGE)
    short = np.flatnonzero(counts <= each)
    if share and len(short):
        raise ValueError(
            f"set_aside={share:g} takes {each:,} images of each class, and class {short[0]} has "
            f"{counts[short[0]]:,}; set less than {counts.min() * len(counts) / counts.sum():.3g} "
            "aside"
        )
    return np.full(len(counts), each)


def _check(imbalance: Imbalance) -> None:
    shapes = [shape for shape in ("exponential", "step") if shape in imbalance]
    if len(shapes) != 1:
        shape_names = "both exponential and step" if shapes else "neither exponential nor step"
        raise ValueError(
            f"imbalance has {shape_names}; give one of them, such as exponential: 100 or step: 0.1 "
            "(step: 1 leaves the classes as they are)"
        )
    for name, (holds, bounds) in _BOUNDS.items():
        value: Any = dict(imbalance).get(name)
        if value is not None and not holds(value):
            raise ValueError(f"imbalance: {name}={value} is out of bounds: it must be {bounds}")
