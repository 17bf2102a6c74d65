"""Side work that must never cost a training more than a small share of its time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator


class TimeBudget:
    """Says when side work may be done, so that all of it takes at most a share of the time.

    The first time is always allowed: what the work costs is known only then.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.perf_counter) -> None:
        """Start the clock.

        Args:
            share: of the time since now, 0..1, that side work may take.
            clock: in seconds.
        """
        self._share = share
        self._clock = clock
        self._began = clock()
        self._spent = 0.0
        self._last_cost = 0.0

    def allows_more(self) -> bool:
        """Whether work that costs as much as the last time keeps within the share."""
        elapsed = self._clock() - self._began
        return self._spent + self._last_cost <= self._share * elapsed

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Count what is done inside as side work."""
        began = self._clock()
        yield
        self._last_cost = self._clock() - began
        self._spent += self._last_cost
