"""A small problem of three classes, and trials on it that end in a moment."""

from dataclasses import replace
from typing import Any

import numpy as np

from rayal import trial as trials
from rayal.contracts import Dataset, Embedding, Split, TrialData
from rayal.registry import LEARNERS, STRATEGIES
from rayal.run.batching import run_interleaved
from rayal.sweep.definition import Spec, Trial


def data() -> TrialData:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=90)
    features = (rng.normal(size=(90, 4)) + 3 * labels[:, None]).astype(np.float32)
    features.flags.writeable = False
    images = np.zeros((90, 2, 2, 1), dtype=np.uint8)
    return TrialData(
        Dataset(
            "data",
            ("a", "b", "c"),
            Split(images[:60], labels[:60]),
            Split(images[60:], labels[60:]),
        ),
        Embedding(features[:60], features[60:]),
    )


def with_views(data: TrialData, views: np.ndarray) -> TrialData:
    return replace(data, embedding=replace(data.embedding, views=views))


def run(wanted: Trial, data: TrialData, **given: Any) -> list[trials.Row]:
    [rows] = run_interleaved(wanted.learner, [trials.rounds(wanted, data, **given)])
    return rows


def spec(name: str) -> Spec:
    registry = LEARNERS if name in LEARNERS.names() else STRATEGIES
    return Spec(name, registry.find(name).bind({}))


def trial(initial: str, query: str, schedule: tuple[int, ...], seed: int = 0) -> Trial:
    nothing = Spec("features", {})
    return Trial(
        nothing, "data", "hash", nothing, spec(initial), spec(query), spec("linear"), schedule, seed
    )


def without_seconds(rows: list[trials.Row]) -> list[trials.Row]:
    return [{k: v for k, v in row.items() if not k.endswith("_seconds")} for row in rows]
