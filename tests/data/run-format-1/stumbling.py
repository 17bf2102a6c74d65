"""A strategy that fails while there is a stone beside it."""

from pathlib import Path

from rayal.contracts import strategy


@strategy()
def stumbling(pool, budget, rng):
    """Draw the first images."""
    if Path(__file__).with_name("stone").exists():
        raise RuntimeError("there is a stone in the way")
    return pool.unlabelled[:budget]
