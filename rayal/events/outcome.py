"""How a trial ended, as workers say it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """How a trial ended."""

    trial: str  # its id
    error: str = ""  # empty when its record was kept
    fatal: bool = False  # the store can take no more: the sweep must stop
    warnings: tuple[str, ...] = ()  # of its strategies
