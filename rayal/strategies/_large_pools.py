"""Pools so large that a strategy takes an approximate form: from when on, and saying so.

Every such strategy has a parameter `exact`, with which it takes its exact form at any size.
"""

from __future__ import annotations

import warnings

from rayal.kernels import rows

LARGE = rows.LARGE  # images up to which the exact form is taken


def is_approximate(strategy: str, N: int, how: str, *, exact: bool = False) -> bool:
    """Whether a strategy takes its approximate form; warns where it does.

    Args:
        strategy: its name.
        N: images that it looks at.
        how: what the approximate form does, in a few words.
        exact: whether the exact form is asked for.
    """
    if exact or N <= LARGE:
        return False
    warnings.warn(
        f"{strategy}: {N:,} images are more than {LARGE:,}, so {how}"
        f"{'' if strategy == 'auto' else '; exact: true insists on the exact form'}",
        stacklevel=2,
    )
    return True
