"""The pool of a query in a plane, as the learner's last layer saw it (MSAL, Figure 2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from rayal.contracts import Indices, Pool
from rayal.kernels.tsne import tsne2d

LEAST = 10  # images without which there is nothing to lay out
_DIGITS = 3  # of coordinates, in a record


def query_plane(
    pool: Pool, chosen: Indices, images: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the plane of a query of B images, chosen (B,) from this pool, for a record.

    Args:
        pool: with the predictions that the query was made by.
        chosen: (B,) positions.
        images: of the plane, drawn from the unlabeled ones. The chosen ones are among them; of more
            than half as many, half as many are drawn.
        rng: of both draws and of the layout.

    Returns:
        `query_plane`: index, positions (n,) in the pool, ascending, and their coordinates x and y;
        nothing where the learner has no hidden layer, or fewer than LEAST images are left.
    """
    predictions = pool.predictions
    if predictions is None or predictions.penultimate_features is None:
        return {}
    shown = _sample(pool.unlabeled, chosen, images, rng)
    if len(shown) < LEAST:
        return {}
    features = np.asarray(pool.penultimate_features[shown], np.float32)
    plane = tsne2d(features, int(rng.integers(2**31 - 1))).astype(np.float64).round(_DIGITS)
    return {
        "query_plane": {
            "index": shown.tolist(),
            "x": plane[:, 0].tolist(),
            "y": plane[:, 1].tolist(),
        }
    }


def _sample(unlabeled: Indices, chosen: Indices, images: int, rng: np.random.Generator) -> Indices:
    sampled = rng.choice(chosen, min(len(chosen), images // 2), replace=False)
    others = np.setdiff1d(unlabeled, chosen)
    rest = rng.choice(others, min(len(others), images - len(sampled)), replace=False)
    return np.sort(np.concatenate([sampled, rest]))
