"""Versions of the packages that rayal needs, and on a cluster whether all machines have the same.

Ray refuses a cluster of another version of itself or of Python by itself. Another PyTorch or NumPy
on a node computes with it, and results then depend on where a trial ran.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement

from rayal.doctor.check import check
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request
from rayal.run.environment import versions


@dataclass(frozen=True)
class Versions:
    """Packages that rayal requires, as its metadata name them; none where pip did not install it.

    installed: their versions, None where one is absent; required: the versions that will do.
    """

    installed: Mapping[str, str | None]
    required: Mapping[str, str]


def _measure(request: Request) -> Versions:
    try:
        lines = importlib.metadata.requires("rayal") or []
    except importlib.metadata.PackageNotFoundError:
        lines = []
    needed = [Requirement(line) for line in lines]
    needed = [r for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    return Versions(
        {r.name: _installed(r.name) for r in needed}, {r.name: str(r.specifier) for r in needed}
    )


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@check("versions", _measure)
def _judge(facts: Versions, request: Request) -> Finding:
    threshold = f"{len(facts.required)} packages as rayal requires them"
    if absent := [name for name, version in facts.installed.items() if version is None]:
        install = f"pip install {' '.join(repr(n + facts.required[n]) for n in absent)}"
        return Finding("fails", f"no {', '.join(absent)}", threshold, install)
    others = {
        name: version
        for name, version in facts.installed.items()
        if version
        and not Requirement(name + facts.required[name]).specifier.contains(version, True)
    }
    if others:
        measured = ", ".join(f"{name} {version}" for name, version in others.items())
        install = f"pip install {' '.join(repr(n + facts.required[n]) for n in others)}"
        return Finding("warning", measured, threshold, install)
    shown = [f"{name} {version}" for name, version in versions().items()][:3]
    return Finding("ok", ", ".join(shown), threshold)


def judge_same(driver: Mapping[str, str], node: Mapping[str, str]) -> Finding:
    """Judge the versions of a node against those of the driver."""
    differing = sorted(n for n in {*driver, *node} if driver.get(n) != node.get(n))
    threshold = "the same as the driver's"
    if not differing:
        return Finding("ok", f"{len(driver)} packages", threshold, check="versions")
    measured = ", ".join(
        f"{name} {node.get(name, 'absent')} against {driver.get(name, 'absent')}"
        for name in differing
    )
    wanted = " ".join(f"{n}=={driver[n]}" for n in differing if n in driver and n != "python")
    return Finding("warning", measured, threshold, f"pip install {wanted} there", "versions")
