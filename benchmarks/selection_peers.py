"""What the strategies are timed against: scikit-activeml, and their definitions in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.contracts import Pool
from rayal.kernels.ball_cover import pure_radius
from rayal.kernels.clustering import kmeans, unit_rows

Ask = Callable[[Pool, int], Any]


def _peer(name: str, unit: bool, **params: Any) -> Ask:
    def ask(pool: Pool, budget: int) -> Any:
        from skactiveml import pool as peers

        features = unit_rows(pool.features) if unit else pool.features
        query = getattr(peers, name)(missing_label=-1, random_state=0, **params)
        return query.query(features, pool.labels, batch_size=budget)

    return ask


def _badge(pool: Pool, budget: int) -> Any:
    """The classifier's training is part of the time; it has 100 labels."""
    from skactiveml import pool as peers
    from skactiveml.classifier import SklearnClassifier
    from sklearn.linear_model import LogisticRegression

    learner = SklearnClassifier(
        LogisticRegression(), classes=range(pool.num_classes), missing_label=-1
    )
    query = peers.Badge(missing_label=-1, random_state=0)
    return query.query(pool.features, pool.labels, learner, batch_size=budget)


PEERS: dict[str, Ask] = {
    "k_center": _peer("CoreSet", unit=False),
    "typiclust": _peer("TypiClust", unit=True),
    "badge": _badge,
    "probcover": _peer("ProbCover", unit=True, n_classes=10),
    "maxherding": _peer("MaxHerding", unit=True),
}


def _squared(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    wide = points.astype(np.float64)
    norms = (wide**2).sum(axis=1)
    return np.asarray(np.maximum(norms[:, None] - 2 * wide @ wide.T + norms, 0))


def _k_center_twin(pool: Pool, budget: int) -> list[int]:
    away, chosen = _squared(pool.features), list[int](pool.labeled)
    for _ in range(budget):
        nearest = away[:, chosen].min(axis=1)
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
    return chosen[-budget:]


def _maxherding_twin(pool: Pool, budget: int) -> list[int]:
    kernel, chosen = np.exp(-_squared(unit_rows(pool.features))), list[int](pool.labeled)
    for _ in range(budget):
        covered = kernel[:, chosen].max(axis=1)
        gains = np.maximum(kernel - covered[:, None], 0).sum(axis=0)
        gains[chosen] = -1
        chosen.append(int(gains.argmax()))
    return chosen[-budget:]


def _probcover_twin(pool: Pool, budget: int) -> list[int]:
    rng, points = np.random.default_rng(0), unit_rows(pool.features)
    clusters, _ = kmeans(points, pool.num_classes, rng)
    away, chosen = _squared(points), list[int](pool.labeled)
    near = away < pure_radius(points, clusters, rng) ** 2
    for _ in range(budget):
        gains = near[:, ~near[chosen].any(axis=0)].sum(axis=1)
        nearest = away[:, chosen].min(axis=1)
        nearest[chosen], gains[chosen] = -1, 0
        chosen.append(int(gains.argmax() if gains.any() else nearest.argmax()))
    return chosen[-budget:]


TWINS: dict[str, Ask] = {
    "k_center": _k_center_twin,
    "maxherding": _maxherding_twin,
    "probcover": _probcover_twin,
}
