"""Uncertainty sampling: the images that the learner trained so far is least sure of.

Each is a score, the higher the less sure; see rayal.scores for what a sweep file may add to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.kernels.validation import check_finite
from rayal.scores import score

Scores: TypeAlias = npt.NDArray[np.float64]
Passes: TypeAlias = Annotated[int, Field(ge=2)]


@score(needs={"predictions"})
def entropy(pool: Pool, rng: np.random.Generator) -> Scores:
    """Highest entropy of the predicted classes, -sum p log p with 0 log 0 = 0.

    Cost: O(N C).

    Use: with labels enough for the probabilities to mean something.

    Source: Shannon 1948; Wang and Shang 2014.
    """
    return uncertainty.entropy(_probs(pool))


@score(needs={"predictions"})
def margin(pool: Pool, rng: np.random.Generator) -> Scores:
    """Smallest difference between the two most probable classes.

    Cost: O(N C).

    Use: as entropy; the steadier choice with many classes.

    Source: Scheffer et al. 2001; Balcan et al. 2007.
    """
    return uncertainty.negative_margin(_probs(pool))


@score(needs={"predictions"})
def least_confidence(pool: Pool, rng: np.random.Generator) -> Scores:
    """Lowest probability of the most probable class.

    Cost: O(N C).

    Use: as entropy.

    Source: Lewis and Gale 1994; Wang and Shang 2014.
    """
    return -uncertainty.top(_probs(pool))


@score(needs={"predictions"})
def ceal(pool: Pool, rng: np.random.Generator) -> Scores:
    """Highest entropy, for a learner that adds the images it is sure of by itself (CEAL).

    Wang et al. 2017. The other half of the method is the learner's `pseudo_labels: ceal`; without
    it this is `entropy`.

    Cost: O(N C).

    Use: with a learner that has `pseudo_labels: ceal`.

    Source: Wang et al. 2017.
    """
    return uncertainty.entropy(_probs(pool))


@score(needs={"dropout"})
def entropy_dropout(pool: Pool, rng: np.random.Generator, *, passes: Passes = 10) -> Scores:
    """Highest entropy of the mean over T Monte-Carlo passes with dropout.

    Cost: O(T N C) and T passes of the learner.

    Use: where single predictions are too sure of themselves.

    Source: Gal and Ghahramani 2016; Beluch et al. 2018.
    """
    return uncertainty.entropy(_mean_probs(pool, passes, rng))


@score(needs={"dropout"})
def margin_dropout(pool: Pool, rng: np.random.Generator, *, passes: Passes = 10) -> Scores:
    """Smallest margin of the mean over T Monte-Carlo passes with dropout.

    Cost: O(T N C) and T passes of the learner.

    Use: as entropy_dropout.

    Source: Gal and Ghahramani 2016; Beluch et al. 2018.
    """
    return uncertainty.negative_margin(_mean_probs(pool, passes, rng))


@score(needs={"dropout"})
def least_confidence_dropout(
    pool: Pool, rng: np.random.Generator, *, passes: Passes = 10
) -> Scores:
    """Lowest top probability of the mean over T Monte-Carlo passes with dropout.

    Cost: O(T N C) and T passes of the learner.

    Use: as entropy_dropout.

    Source: Gal and Ghahramani 2016; Beluch et al. 2018.
    """
    return -uncertainty.top(_mean_probs(pool, passes, rng))


@score(needs={"dropout"})
def bald(pool: Pool, rng: np.random.Generator, *, passes: Passes = 10) -> Scores:
    """Most information between prediction and weights: H(mean P) - mean H(P) over T passes.

    Houlsby et al. 2011; Gal et al. 2017, with dropout as the posterior.

    Cost: O(T N C) and T passes of the learner.

    Use: to leave out images that are ambiguous in themselves.

    Source: Houlsby et al. 2011; Gal et al. 2017.
    """
    return uncertainty.mutual_information(_passes(pool, passes, rng))


@score(needs={"dropout"})
def mean_std(pool: Pool, rng: np.random.Generator, *, passes: Passes = 10) -> Scores:
    """Largest standard deviation over T passes, mean over the classes (Kampffmeyer et al. 2016).

    Cost: O(T N C) and T passes of the learner.

    Use: as bald.

    Source: Kampffmeyer et al. 2016.
    """
    deviations = np.sqrt(uncertainty.variances(_passes(pool, passes, rng)))
    return np.asarray(deviations.mean(axis=1))


@score(needs={"dropout"})
def var_ratio(pool: Pool, rng: np.random.Generator, *, passes: Passes = 10) -> Scores:
    """Most disagreement: 1 - the share of T passes that predict the modal class (Freeman 1965).

    Cost: O(T N C) and T passes of the learner.

    Use: as bald; only T + 1 values exist, so many images tie.

    Source: Freeman 1965; Gal et al. 2017.
    """
    return uncertainty.variation_ratio(_passes(pool, passes, rng))


@score(needs={"predictions", "views"})
def consistency(pool: Pool, rng: np.random.Generator) -> Scores:
    """Largest variance of P over an image and its augmented copies, summed over the classes.

    Gao et al. 2020. The copies are those of the encoder's parameter `views`.

    Cost: O(A N C) for A views; the views cost A extractions once.

    Use: with few labels, where probabilities mean little and stability more.

    Source: Gao et al. 2020.
    """
    copies = (_checked(probs[pool.unlabelled]) for probs in pool.view_passes())
    return np.asarray(uncertainty.variances(chain([_probs(pool)], copies)).sum(axis=1))


def _probs(pool: Pool) -> Scores:
    return _checked(pool.probs[pool.unlabelled])


def _mean_probs(pool: Pool, passes: int, rng: np.random.Generator) -> Scores:
    return uncertainty.mean(_passes(pool, passes, rng))


def _passes(pool: Pool, passes: int, rng: np.random.Generator) -> Iterator[Scores]:
    for probs in pool.dropout_passes(passes, rng):
        yield _checked(probs[pool.unlabelled])


def _checked(probs: npt.NDArray[np.float32]) -> Scores:
    check_finite(probs, "the predicted probabilities")
    return probs.astype(np.float64)
