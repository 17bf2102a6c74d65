"""What a check of the machine finds: a measured value, its threshold, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# ok; mended: rayal works around it; warning: it may fail, or be slow; fails: it is certain to fail.
State = Literal["ok", "mended", "warning", "fails"]
STATES: tuple[State, ...] = ("ok", "mended", "warning", "fails")


@dataclass(frozen=True)
class Finding:
    """One line of `rayal doctor`.

    measured: the value with its unit, as read on this machine. threshold: what it is held against.
    mend: the command that mends it, or what rayal does instead; "" where nothing is wrong.
    """

    state: State
    measured: str
    threshold: str
    mend: str = ""
    check: str = ""  # the name of the check, put in by it
    node: str = ""  # of a cluster; "" for this machine

    def __str__(self) -> str:
        remedy = f"; {self.mend}" if self.mend else ""
        return f"{self.measured} ({self.threshold}){remedy}"
