"""Probabilities brought to the accuracy that they claim, by one temperature (Guo et al. 2017)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

TEMPERATURES = np.arange(10, 201) / 10  # as in the code of Bae et al. 2025
BINS = 15  # of equal width (Guo et al. 2017)
LOWEST, HIGHEST = 0.02, 50.0  # temperatures between which the least loss is looked for
TIE = 1e-12  # errors closer than this are equal: rounding decides nothing


def with_temperature(probs: Float64, temperature: float) -> Float64:
    """Return probabilities (n, C) with logarithms divided by a temperature, then normalized.

    Probabilities of 0 stay 0, so that what is sure stays sure.

    Args:
        probs: (n, C), rows that sum to one.
        temperature: above 0.
    """
    with np.errstate(divide="ignore"):
        logits = np.log(probs) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    scaled = np.exp(logits)
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def expected_calibration_error(probs: Float64, labels: Int64) -> float:
    """Return the mean distance between confidence and accuracy over bins of the confidence.

    Args:
        probs: (n, C); confidences are the highest of each row, ties going to the first class.
        labels: (n,) true classes.
    """
    confidence, correct = probs.max(axis=1), probs.argmax(axis=1) == labels
    # A confidence at the border of two bins is in the lower one.
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    excess = np.bincount(bins, weights=confidence - correct, minlength=BINS)
    return float(np.abs(excess).sum() / len(labels))


def best_temperature(probs: Float64, labels: Int64) -> float:
    """Return the temperature, of 1.0, 1.1 to 20, with the least expected calibration error.

    The lowest of equal ones.

    Args:
        probs: (n, C) of images that the learner was not trained on.
        labels: (n,) their true classes.
    """
    errors = [expected_calibration_error(with_temperature(probs, t), labels) for t in TEMPERATURES]
    return float(TEMPERATURES[np.argmax(np.array(errors) <= min(errors) + TIE)])


def temperature_of_least_loss(probs: Float64, labels: Int64) -> float:
    """Return the temperature with the least negative log likelihood (Guo et al. 2017, section 4.2).

    Unlike `best_temperature` it may lie below 1, as for a head that its penalty keeps unsure.
    Labels whose probability is 0 are left out: no temperature changes that. 1 where none is left.

    Args:
        probs: (n, C) of images that the learner was not trained on.
        labels: (n,) their true classes.
    """
    possible = probs[np.arange(len(labels)), labels] > 0
    kept, truth = probs[possible], labels[possible]
    if not len(truth):
        return 1.0
    with np.errstate(divide="ignore"):
        logs = np.log(kept)

    def loss(log_temperature: float) -> float:
        scaled = logs / np.exp(log_temperature)
        top = scaled.max(axis=1)
        total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float((total - scaled[np.arange(len(truth)), truth]).mean())

    bounds = np.log(LOWEST), np.log(HIGHEST)
    from scipy.optimize import minimize_scalar

    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
