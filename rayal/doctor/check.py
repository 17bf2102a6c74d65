"""Checks by name: each measures the machine, and judges what it measured against a request.

A check is one file of `rayal.doctor.checks`. Its decorator takes the function that measures; the
decorated one judges those facts alone, so that a test sets any trap by handing it facts.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from rayal.doctor import checks
from rayal.doctor.finding import Finding
from rayal.doctor.request import Mode, Request

Facts = TypeVar("Facts")
EVERYWHERE: tuple[Mode, ...] = ("start", "join", "local", "node")


@dataclass(frozen=True)
class Check(Generic[Facts]):
    """How a fact of the machine is measured and judged, and in which runs it counts."""

    name: str
    measure: Callable[[Request], Facts]
    judge: Callable[[Facts, Request], Finding]
    modes: Collection[Mode]
    mend: Callable[[], None] | None = None  # of this process, before anything else

    def find(self, request: Request) -> Finding:
        """Measure and judge; what cannot be measured is a warning, never an error."""
        try:
            finding = self.judge(self.measure(request), request)
        except OSError as error:
            finding = Finding("warning", f"not measured: {error}", "readable")
        return replace(finding, check=self.name)


_CHECKS: dict[str, Check[Any]] = {}


def check(
    name: str,
    measure: Callable[[Request], Facts],
    modes: Collection[Mode] = EVERYWHERE,
    mend: Callable[[], None] | None = None,
) -> Callable[[Callable[[Facts, Request], Finding]], Callable[[Facts, Request], Finding]]:
    """Register the function below as the judge of what `measure` returns."""

    def add(judge: Callable[[Facts, Request], Finding]) -> Callable[[Facts, Request], Finding]:
        _CHECKS[name] = Check(name, measure, judge, modes, mend)
        return judge

    return add


def all_checks() -> list[Check[Any]]:
    """Every check, by the names of their files."""
    for module in sorted(m.name for m in pkgutil.iter_modules(checks.__path__)):
        importlib.import_module(f"{checks.__name__}.{module}")
    return list(_CHECKS.values())


def find_check(name: str) -> Check[Any]:
    """Return the check of that name."""
    all_checks()
    return _CHECKS[name]


def examine(request: Request) -> list[Finding]:
    """Run the checks that count in this run."""
    return [check.find(request) for check in all_checks() if request.mode in check.modes]


def mend_process() -> list[Finding]:
    """Mend what concerns this process and those that it starts; return what was mended."""
    mended = []
    for check in all_checks():
        if check.mend is not None:
            finding = check.find(Request())
            if finding.state == "mended":
                check.mend()
                mended.append(finding)
    return mended
