"""Trials grouped for workers: those that a learner takes quicker together than alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from rayal.registry import LEARNERS
from rayal.sweep.definition import Trial
from rayal.sweep.plan import Plan

LARGEST_BATCH = 32  # trials that one worker takes together, at most
BATCH_BYTES = 2**28  # that their predictions fill, at most


def batches_of(plan: Plan, trials: Sequence[Trial], workers: int) -> list[list[Trial]]:
    """Group trials on one embedding.

    A batch is short where predictions of its trials would fill memory, and where some of so many
    workers would go without. A learner that has no quicker way has batches of one.
    """
    groups: dict[Any, list[Trial]] = {}
    for trial in trials:
        batched = LEARNERS.find(trial.learner.name).traits.fit_batched
        key = (json.dumps(trial.learner.as_json()), trial.schedule) if batched else trial.id
        groups.setdefault(key, []).append(trial)
    return [part for group in groups.values() for part in _cut(plan, group, workers)]


def _cut(plan: Plan, group: list[Trial], workers: int) -> Iterator[list[Trial]]:
    data = plan.datasets[group[0].dataset_name]
    predictions = 4 * (data.train + data.test) * len(data.classes)  # bytes of a trial
    size = min(LARGEST_BATCH, BATCH_BYTES // predictions, math.ceil(len(group) / (2 * workers)))
    size = max(size, 1)
    return (group[start : start + size] for start in range(0, len(group), size))
