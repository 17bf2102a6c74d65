"""Side work that must never cost a training more than a small share of its time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator


class Sparing:
    """Says when side work may be done, so that all of it takes at most a share of the time.

    The first time is always allowed: what the work costs is known only then.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._share = share
        self._clock = clock
        self._began = clock()
        self._spent = 0.0
        self._last = 0.0

    def is_due(self) -> bool:
        """Whether work that costs as much as the last time keeps within the share."""
        return self._spent + self._last <= self._share * (self._clock() - self._began)

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Count what is done inside as side work."""
        began = self._clock()
        yield
        self._last = self._clock() - began
        self._spent += self._last
