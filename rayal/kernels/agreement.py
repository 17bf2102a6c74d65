"""How far two classifications of the same images agree beyond chance (Cohen 1960)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


def cohen_kappa(first: Int64, second: Int64, num_classes: int) -> float:
    """Return (observed - expected agreement) / (1 - expected); 1 where both name one class alone.

    Args:
        first: (n,) classes from 0, n at least 1.
        second: (n,) classes of the same images.
        num_classes: C.
    """
    shares = [np.bincount(own, minlength=num_classes) / len(own) for own in (first, second)]
    expected = float(shares[0] @ shares[1])
    observed = float(np.mean(first == second))
    return 1.0 if expected >= 1 else (observed - expected) / (1 - expected)
