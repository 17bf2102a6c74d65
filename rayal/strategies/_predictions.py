"""What strategies read of a pool's predictions: checked, and of the unlabeled images alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.kernels.over_classes import Combination, score_over_classes
from rayal.kernels.validation import check_finite

Scores: TypeAlias = npt.NDArray[np.float64]
Passes: TypeAlias = Annotated[int, Field(ge=2)]  # Monte-Carlo passes: a variance needs two


def probabilities(pool: Pool) -> Scores:
    """Return the class probabilities (U, C) of the unlabeled images.

    Raises:
        ValueError: NaN or infinity among them.
    """
    return checked(pool.probs[pool.unlabeled])


def uncertainties(
    pool: Pool, measure: Callable[[Scores], Scores], combination: Combination
) -> Scores:
    """Return a measure of the probabilities of the unlabeled images, (U,).

    combination: where an image may have several classes, what puts the scores of each together.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    return measured(pool, probabilities(pool), measure, combination)


def measured(
    pool: Pool, probs: Scores, measure: Callable[[Scores], Scores], combination: Combination
) -> Scores:
    """Return a measure (n,) of probabilities (n, C) of the pool's kind."""
    if pool.multilabel:
        return score_over_classes(measure, probs, combination)
    return measure(probs)


def mc_passes(pool: Pool, passes: int, rng: np.random.Generator) -> Iterator[Scores]:
    """Yield the probabilities (U, C) of T Monte-Carlo passes with dropout.

    Raises:
        ValueError: NaN or infinity among them.
    """
    for probs in pool.mc_dropout(passes, rng):
        yield checked(probs[pool.unlabeled])


def mc_mean(pool: Pool, passes: int, rng: np.random.Generator) -> Scores:
    """Return the mean probabilities (U, C) over T Monte-Carlo passes with dropout.

    Raises:
        ValueError: NaN or infinity among them.
    """
    return uncertainty.mean(mc_passes(pool, passes, rng))


def prototype_outputs(pool: Pool) -> npt.NDArray[np.float32]:
    """Return the outputs (U, C - 1) that the learner compares with its prototypes.

    Raises:
        ValueError: NaN or infinity among those of the pool.
    """
    check_finite(pool.prototype_outputs, "the learner's outputs")
    return pool.prototype_outputs[pool.unlabeled]


def checked(probs: npt.NDArray[np.float32]) -> Scores:
    """Return probabilities (n, C) in float64.

    Raises:
        ValueError: NaN or infinity among them.
    """
    check_finite(probs, "the predicted probabilities")
    return probs.astype(np.float64)
