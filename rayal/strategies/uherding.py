"""Smooth coverage of the uncertain part of a pool (Uncertainty Herding)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import PositiveFloat

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import calibration, clustering, uncertainty
from rayal.strategies._herding_width import smallest_distance
from rayal.strategies._predictions import checked, measured
from rayal.strategies._smooth_cover import smooth_cover

HELD_OUT = 5  # one label in so many calibrates (Bae et al. 2025)


@strategy(
    unit_length=True,
    geometric=True,
    blockwise=True,
    multilabel=lambda params: params.get("temperature", 1.0) == 1.0,
    added={"temperature", "exact"},
)
def uherding(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    sigma: PositiveFloat | Literal["auto"] = "auto",
    temperature: PositiveFloat | Literal["calibrated"] = 1.0,
    exact: bool = False,
) -> Indices:
    """Choose as `maxherding`, each image x weighted by 1 - the margin of its prediction.

    Bae et al., "Uncertainty Herding: One Active Learning Method for All Label Budgets", ICLR 2025.
    Without predictions, as at the first query, all weights are one, and so they are once no
    uncertain image can be covered better, as where the learner is sure of all. The paper calibrates
    the predictions by a temperature found on held-out labels: `temperature: calibrated`. Where an
    image may have several classes, the mean of their uncertainties counts, without a temperature.

    Cost: that of `maxherding`; calibrated, one more training of the learner.

    Use: in every query of a cycle, from no labels to many.

    Source: Bae et al. 2025; temperature and its calibration, Guo et al. 2017.

    Args:
        pool: its features (N, D), and the predictions if there are any.
        budget: B.
        rng: draws the labels that calibrate, and the images of the approximate form.
        sigma: width; "auto" is the smallest distance of two different labeled images (the paper's
            rule), or 1 without two of them.
        temperature: what the logarithms of the probabilities are divided by. "calibrated" is, of
            1.0, 1.1 to 20, the one with the least expected calibration error on a fifth of the
            labels, for the learner trained on the others.
        exact: take the exact form at any size.

    Returns:
        (B,) positions, in the order of the choice.

    Raises:
        ValueError: NaN or infinity among the probabilities, or a calibration without a learner.
    """
    labeled = clustering.unit_rows(pool.features, pool.labeled)
    width = smallest_distance(labeled) if sigma == "auto" else sigma
    weights = None if pool.predictions is None else _uncertainty(pool, temperature, rng)
    return smooth_cover("uherding", pool, budget, rng, width, weights, exact=exact)


def _uncertainty(
    pool: Pool, temperature: float | Literal["calibrated"], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return 1 - margin, (N,)."""
    probs = checked(pool.probs)
    if temperature == "calibrated":
        temperature = _calibrated_temperature(pool, rng)
    if temperature != 1:
        probs = calibration.with_temperature(probs, temperature)
    return 1 + measured(pool, probs, uncertainty.negative_margin, "mean")


def _calibrated_temperature(pool: Pool, rng: np.random.Generator) -> float:
    if pool.predict_without is None:
        raise ValueError(
            "temperature: calibrated trains the learner again without some labels, and arrays have "
            "none: use a sweep, or pass calibrated probs"
        )
    held_out = np.sort(rng.permutation(pool.labeled)[: -(-len(pool.labeled) // HELD_OUT)])
    if len(held_out) == len(pool.labeled):
        return 1.0  # one label: nothing to train on
    probs = checked(pool.predict_without(held_out))
    return calibration.best_temperature(probs, pool.labels[held_out])
