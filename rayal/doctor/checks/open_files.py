"""How many files a process may open: Ray's services hold some for each worker and each trial.

The usual limit of 1,024 is soft: a process may raise it as far as its hard limit, as rayal does.
"""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass

from rayal.doctor.check import check
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request

ENOUGH = 65_536
SMALL = 4_096  # below it a sweep of some thousand trials may run out of them
LEAST = 64  # with 50 Ray does not start, with 100 it does


@dataclass(frozen=True)
class OpenFiles:
    """The limits of this process."""

    soft: int
    hard: int


def _measure(request: Request) -> OpenFiles:
    soft, hard = (_number(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    return OpenFiles(soft, hard)


def _number(limit: int) -> int:
    return 2**31 if limit == resource.RLIM_INFINITY else limit


def raise_limit() -> None:
    """Raise the limit of this process and those that it starts, as far as it may."""
    facts = _measure(Request())
    wanted = min(facts.hard, ENOUGH)
    if wanted > facts.soft:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@check("open files", _measure, mend=raise_limit)
def _judge(facts: OpenFiles, request: Request) -> Finding:
    most = facts.soft if request.mode == "node" else facts.hard  # a node's Ray runs already
    raised = max(facts.soft, min(most, ENOUGH))
    measured = f"{facts.soft:,} a process, up to {facts.hard:,}"
    threshold = f"{SMALL:,} for thousands of trials"
    if raised < LEAST and request.mode != "local":
        return Finding("fails", measured, f"Ray needs {LEAST}", f"ulimit -n {SMALL}")
    if raised < SMALL:
        mend = f"ulimit -Hn {ENOUGH} (docker run --ulimit nofile={ENOUGH}:{ENOUGH})"
        return Finding("warning", measured, threshold, mend)
    if facts.soft < SMALL:
        return Finding("mended", measured, threshold, f"raised to {raised:,}")
    return Finding("ok", measured, threshold)
