"""Trials that take less time than handing them out: some go to a worker together.

What trials of a kind take is learned while they run, from those that differ in their seeds alone.
Results do not depend on it: trials that run side by side do not know of one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rayal.registry import LEARNERS
from rayal.sweep.definition import Trial

TOGETHER = 0.25  # seconds of work handed out at once, beside which some 20 ms are little


class ShortTrials:
    """What trials took, by what they are but for their seed."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._kinds: dict[str, str] = {}

    def took(self, batch: Sequence[Trial], seconds: float) -> None:
        """A worker took so long for a batch."""
        for trial in batch:
            self._seconds[self._kind(trial)] = seconds / len(batch)

    def go_together(self, batch: Sequence[Trial], more: Sequence[Trial]) -> bool:
        """Whether both are so short, as far as is known, and have one learner that takes any."""
        learner = batch[0].learner
        if LEARNERS.find(learner.name).traits.fit_batched or learner != more[0].learner:
            return False
        expected = [self._seconds.get(self._kind(trial)) for trial in (*batch, *more)]
        known = [seconds for seconds in expected if seconds is not None]
        return len(known) == len(expected) and sum(known) <= TOGETHER

    def _kind(self, trial: Trial) -> str:
        if trial.id not in self._kinds:
            self._kinds[trial.id] = replace(trial, seed=0).id
        return self._kinds[trial.id]
