"""Evidence from the signs of paired differences that may be looked at after every pair.

Null hypothesis: whatever came before, the next difference is no more likely below zero than above.
A bettor who stakes on "below" at odds for a chance p multiplies its wealth by 2 p after a
difference below and by 2 (1 - p) after one above; a difference of zero leaves it. Under the null
that wealth is a supermartingale for each p above a half, and so is its mean over p by Jeffreys'
prior, Beta(1/2, 1/2) held to p > 1/2 (Krichevsky and Trofimov 1981, "The performance of universal
encoding"; mixtures: Robbins 1970, "Statistical methods related to the law of the iterated
logarithm"). It begins at 1, so by Ville's inequality it ever reaches 1 / level with a probability
of at most the level, however often one looks and however long one goes on (Ramdas, Grünwald, Vovk
and Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference", section 2).
"""

from __future__ import annotations

import math
from functools import lru_cache


@lru_cache(maxsize=100_000)
def evidence_of_losing(above: int, below: int) -> float:
    """Return the wealth after so many differences above and below zero, 1 before the first.

    In closed form 2^(n+1) B(below + 1/2, above + 1/2) P(Beta(below + 1/2, above + 1/2) > 1/2) / pi
    with n = above + below; infinite where a float cannot hold it.
    """
    from scipy.special import betainc, betaln  # a plan and --help wait for no SciPy

    above_half = float(betainc(above + 0.5, below + 0.5, 0.5))  # P(p > 1/2), by symmetry
    if above_half == 0:
        return 0.0
    log = (above + below + 1) * math.log(2) + float(betaln(below + 0.5, above + 0.5))
    log += math.log(above_half) - math.log(math.pi)
    return math.exp(log) if log < 700 else math.inf


def fewest_pairs(level: float) -> int:
    """Return the fewest differences, all of them below zero, that reject at a level in (0, 1)."""
    few, many = 0, 1
    while evidence_of_losing(0, many) * level < 1:
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if evidence_of_losing(0, middle) * level < 1 else (few, middle)
    return many
