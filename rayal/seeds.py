"""Random generators named by what they may depend on.

`generator("initial", dataset, seed)` leaves the strategy out, so every strategy starts from the
same draw (paired comparisons) and adding a strategy changes no other number.
"""

from __future__ import annotations

import hashlib
import operator

import numpy as np


def generator(*names: str | int) -> np.random.Generator:
    """Return a NumPy generator that is a function of these names alone, on any machine.

    NumPy's integers and strings are the names that Python's are.

    Raises:
        TypeError: a name is neither text nor a whole number.
    """
    text = "\x1f".join(map(_as_text, names))
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def integer(rng: np.random.Generator) -> int:
    """Draw a seed for a library that takes an int (torch, faiss, scikit-learn)."""
    return int(rng.integers(2**31 - 1))


def _as_text(name: str | int) -> str:
    if isinstance(name, str):
        return f"str:{name}"
    if isinstance(name, bool | np.bool_):
        raise TypeError(f"{name} is no name of a generator: text and whole numbers are")
    return f"int:{operator.index(name)}"
