"""Points in the plane of which every strategy chooses 20: the problem behind the pictures.

Four classes of unequal size, one of them in two groups, and a few points between them. All
that a strategy may read is there: predictions are of a learner trained on 12 labels drawn at
random, images show where the point lies, and the dataset map has the confidence that HaCon's
Equation 1 gives points whose two views are themselves and a copy shifted a little.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal import trial as trials
from rayal.contracts import Dataset, DatasetMap, Embedding, Indices, Split, TrialData
from rayal.registry import LEARNERS, STRATEGIES, Component
from rayal.requirements import FROM_LEARNER
from rayal.run.batching import run_interleaved
from rayal.sweep.definition import Spec, Trial
from rayal.traits import StrategyTraits

CHOICES = 20
START = 12  # labels before the choice of a strategy that reads predictions
VIEWS, SHIFT = 4, 0.12
TAUS = (0.2, 0.1, 0.05, 0.01, 0.001)
SIDE = 8  # pixels of an image
GROUPS = (  # class, points, center, standard deviation
    (0, 90, (-1.5, 0.9), 0.5),
    (1, 60, (0.9, 1.2), 0.42),
    (1, 20, (2.1, -0.6), 0.24),
    (2, 40, (0.4, -0.6), 0.4),
    (3, 18, (-1.4, -1.5), 0.28),
    (0, 12, (0.2, 0.0), 0.95),
)

Points = npt.NDArray[np.float32]


def choose(component: Component[StrategyTraits]) -> tuple[Indices, Indices]:
    """Return the first 20 positions that a strategy chooses, and those labeled before (P,).

    A strategy that can make a first query makes it; another chooses after 12 random labels.
    """
    params = component.bind({})
    needs = component.traits.needs(params)
    spec, first = Spec(component.name, params), not needs & FROM_LEARNER
    schedule = (CHOICES,) if first else (START, START + CHOICES)
    nothing, random = Spec("features", {}), Spec("random", STRATEGIES.find("random").bind({}))
    trial = Trial(
        nothing, "toy", "", nothing, spec if first else random, spec, _learner(needs), schedule, 0
    )
    [rows] = run_interleaved(trial.learner, [trials.rounds(trial, problem())])
    chosen = [np.array(row["selected"]) for row in rows]
    return chosen[-1], np.array([], dtype=np.int64) if first else chosen[0]


@cache
def problem() -> TrialData:
    """Return the points as a dataset and what an encoder might have made of them."""
    rng = np.random.default_rng(3)
    train, train_labels = _draw(rng)
    test, test_labels = _draw(rng)
    views = train + SHIFT * rng.normal(size=(VIEWS, *train.shape)).astype(np.float32)
    count = np.bincount(train_labels)
    aside = [rng.choice(np.flatnonzero(train_labels == c), 10, replace=False) for c in range(4)]
    data = Dataset(
        "toy",
        tuple(f"class {c}" for c in range(len(count))),
        Split(_pictures(train), train_labels),
        Split(_pictures(test), test_labels),
        initial_pool=np.sort(np.concatenate(aside)),
    )
    return TrialData(data, Embedding(train, test, map=_map(train, views), views=views))


def _learner(needs: set[str]) -> Spec:
    """A learner that gives what a strategy needs; the plain one where nothing special is."""
    params: Mapping[str, Any] = {}
    if "dropout" in needs:
        params = {"dropout": 0.5}
    elif "prototypes" in needs:
        params = {"prototypes": True}
    name = "linear" if params else "logistic"
    return Spec(name, LEARNERS.find(name).bind(params))


def _draw(rng: np.random.Generator) -> tuple[Points, npt.NDArray[np.int64]]:
    points = [rng.normal(center, spread, (n, 2)) for _, n, center, spread in GROUPS]
    labels = np.repeat([label for label, *_ in GROUPS], [n for _, n, *_ in GROUPS])
    return np.concatenate(points).astype(np.float32), labels.astype(np.int64)


def _pictures(points: Points) -> npt.NDArray[np.uint8]:
    """Return images (N, 8, 8, 1) with a bright spot where each point lies."""
    grid = np.linspace(-3, 3, SIDE)
    x, y = (np.exp(-2 * (points[:, axis, None] - grid) ** 2) for axis in (0, 1))
    return np.round(255 * y[:, :, None, None] * x[:, None, :, None]).astype(np.uint8)


def _map(points: Points, views: Points) -> DatasetMap:
    """Return confidence and variability over views, by the similarity -|x - y|^2."""
    distances = ((views[:, :, None] - points[None, None]) ** 2).sum(axis=-1)
    confidence, variability = {}, {}
    for tau in TAUS:
        weights = np.exp((distances.min(axis=2, keepdims=True) - distances) / tau)
        own = np.einsum("ann->an", weights) / weights.sum(axis=2)
        confidence[tau] = own.mean(axis=0).astype(np.float32)
        variability[tau] = own.std(axis=0).astype(np.float32)
    return DatasetMap(confidence, variability, np.full(len(points), len(views)))
