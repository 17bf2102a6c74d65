"""A plane of two dimensions made from features by t-SNE (van der Maaten and Hinton 2008)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

PERPLEXITY = 30.0  # scikit-learn's default; less of few points


def tsne2d(features: npt.NDArray[np.floating[Any]], seed: int = 0) -> npt.NDArray[np.float32]:
    """Return (N, 2) coordinates of features (N, D), on one thread, started from their components.

    Rows that are all alike have one place.
    """
    from sklearn.manifold import TSNE  # slow to import

    if not np.ptp(features, axis=0).any():  # scikit-learn would divide by no spread, and crash
        return np.zeros((len(features), 2), np.float32)
    wide = np.pad(features, ((0, 0), (0, 2)))
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    mapper = TSNE(init="pca", random_state=seed, perplexity=perplexity, n_jobs=1)
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # of points that are nearly alike
        return np.nan_to_num(np.asarray(mapper.fit_transform(wide), np.float32))
