"""Random generators named by what they may depend on.

`generator("initial", dataset, seed)` leaves the strategy out, so every strategy starts from the
same draw (paired comparisons) and adding a strategy changes no other number.
"""

from __future__ import annotations

import hashlib

import numpy as np


def generator(*names: str | int) -> np.random.Generator:
    """Return a NumPy generator that is a function of these names alone, on any machine."""
    text = "\x1f".join(f"{type(name).__name__}:{name}" for name in names)
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def integer(rng: np.random.Generator) -> int:
    """Draw a seed for a library that takes an int (torch, faiss, scikit-learn)."""
    return int(rng.integers(2**31 - 1))
