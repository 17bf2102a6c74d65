"""Strategies that fail or are interrupted while a file lies beside them."""

import os
import signal
from pathlib import Path

from rayal.contracts import strategy


def there_is(name):
    return Path(__file__).with_name(name).exists()


@strategy()
def stumbling(pool, budget, rng):
    """Draw the first images."""
    if there_is("stone"):
        raise RuntimeError("there is a stone in the way")
    return pool.unlabelled[:budget]


@strategy()
def halting(pool, budget, rng):
    """Draw the last images; the third query is interrupted as a person would."""
    if there_is("red-light") and len(pool.labelled) == 8:
        os.kill(os.getpid(), signal.SIGINT)
    return pool.unlabelled[-budget:]
