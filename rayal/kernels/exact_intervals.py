"""The exact interval of a proportion (Clopper and Pearson 1934)."""

from __future__ import annotations

from scipy.special import betaincinv


def proportion_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the lowest and highest proportion that the successes do not contradict.

    It holds at least at its level whatever the proportion and however few the trials, and so is
    wider than need be for some; of a sample without replacement from few it is wider still.

    Args:
        successes: among n independent trials.
        n: number of trials; with none every proportion is possible.
        level: of confidence, equal tails.

    Raises:
        ValueError: successes that are not between 0 and n; a level not between 0 and 1.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes are not between 0 and {n}, the trials")
    if not 0 < level < 1:
        raise ValueError(f"the level must be above 0 and below 1, and is {level:g}")
    tail, failures = (1 - level) / 2, n - successes
    low = float(betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - tail)) if failures else 1.0
    return low, high
