"""A plane of two dimensions made from the features by UMAP (McInnes et al. 2018)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

NEIGHBORS = 15  # UMAP's default, which HaCon's released code uses


def umap2d(
    features: npt.NDArray[np.floating[Any]], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return (N, 2) coordinates; seeded, hence on one thread.

    Up to NEIGHBORS points there is no neighborhood to keep, and the first two features (a second
    one of 0) are returned.

    Raises:
        ValueError: umap-learn is not installed.
    """
    if len(features) <= NEIGHBORS:
        padded = np.pad(features.astype(np.float32), ((0, 0), (0, 2)))
        return padded[:, :2]
    mapper = _umap(
        n_neighbors=NEIGHBORS,
        random_state=int(rng.integers(2**31 - 1)),
        n_jobs=1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of points that are all alike, and of one thread
        plane = mapper.fit_transform(np.ascontiguousarray(features, dtype=np.float32))
    return np.nan_to_num(np.asarray(plane, dtype=np.float32))


def _umap(**settings: Any) -> Any:
    try:
        from umap import UMAP
    except ImportError:
        raise ValueError(
            "cluster: umap2d needs the package umap-learn: pip install umap-learn, "
            "or cluster: features"
        ) from None
    return UMAP(**settings)
