"""How a trial ended, as runners tell it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: error is empty when its record was kept."""

    trial: str
    error: str = ""
    fatal: bool = False  # the store can take no more: the sweep must stop
