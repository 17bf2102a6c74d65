"""The random problems that a test is asked about: all, or the first few for a quick answer."""

import os

LIMIT = int(os.environ.get("RAYAL_TEST_DRAWS", "1000000"))


def draws(count: int) -> range:
    """The seeds 0 to count - 1, or the first of them that RAYAL_TEST_DRAWS allows.

    Args:
        count: how many problems the whole suite draws.

    """
    return range(min(count, LIMIT))
