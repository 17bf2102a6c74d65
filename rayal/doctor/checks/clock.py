"""The clock: certificates are refused, and times in logs are wrong, where it is years off.

On a cluster, clocks that differ make the times of nodes' records useless. Nothing of a run's
results is decided by a clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone

from rayal.doctor.check import check
from rayal.doctor.checks.source import PACKAGE
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request

DAY = 86_400
LATEST = datetime(2100, 1, 1, tzinfo=timezone.utc).timestamp()
LARGEST_SKEW = 60.0  # seconds between machines of a cluster


@dataclass(frozen=True)
class Clock:
    """Seconds since the epoch: now, and when rayal was installed here."""

    now: float
    installed: float


def _measure(request: Request) -> Clock:
    return Clock(time.time(), (PACKAGE / "__init__.py").stat().st_mtime)


@check("clock", _measure)
def _judge(facts: Clock, request: Request) -> Finding:
    measured = datetime.fromtimestamp(facts.now, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    installed = datetime.fromtimestamp(facts.installed, timezone.utc).strftime("%Y-%m-%d")
    threshold = f"not before {installed}, when rayal was installed"
    if facts.now < facts.installed - DAY or facts.now > LATEST:
        return Finding("warning", measured, threshold, "timedatectl set-ntp true")
    return Finding("ok", measured, threshold)


def judge_skew(seconds: float, uncertainty: float) -> Finding:
    """Judge how far the clock of a node is ahead of this machine's."""
    measured, threshold = f"{seconds:+.1f} s against here", f"within {LARGEST_SKEW:.0f} s"
    if abs(seconds) <= LARGEST_SKEW + uncertainty:
        return Finding("ok", measured, threshold, check="clock")
    return Finding("warning", measured, threshold, "timedatectl set-ntp true there", "clock")
