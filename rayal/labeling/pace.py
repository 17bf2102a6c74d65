"""How long labeling takes, where the tool that was used says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rayal.labeling.answers import Answer

LONG = 600.0  # seconds: who takes longer was away


@dataclass(frozen=True)
class Pace:
    """Seconds that an answer takes, of those answers whose time is known.

    timed: how many; pauses: how many of them are left out because they took longer than ten
    minutes. median, total: seconds of the others.
    """

    timed: int
    pauses: int
    median: float
    total: float

    def hours_for(self, labels: int) -> float:
        """Return the hours that so many labels take, at the mean of the answers so far."""
        return labels * self.total / (self.timed - self.pauses) / 3600


def pace_of(answers: Sequence[Answer]) -> Pace | None:
    """Return the pace of answers; None where the time of none is known, or all are pauses."""
    known = [a.seconds for a in answers if a.seconds is not None and a.action != "withdraw"]
    seconds = np.asarray(known, dtype=np.float64)
    worked = seconds[seconds <= LONG]
    if not len(worked):
        return None
    pauses = len(seconds) - len(worked)
    return Pace(len(seconds), pauses, float(np.median(worked)), float(worked.sum()))
