"""Which rayal runs: workers are new processes, and may find another one that is installed.

So it is where a checkout, or a link to one, is run beside an installed version. rayal names its own
place to the workers that it starts; on a cluster the nodes' own is compared.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from rayal.doctor.check import check
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request

PACKAGE = Path(__file__).parent.parent.parent
SHOWN = 12  # digits of a hash


@dataclass(frozen=True)
class Source:
    """here: the package that runs; elsewhere: what a process started anywhere else would import."""

    here: Path
    elsewhere: Path | None


def _measure(request: Request) -> Source:
    started_in = {"", str(Path.cwd()), str(Path(sys.argv[0]).parent.absolute())}
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    searched = [path for path in sys.path if path not in started_in or (path in named and path)]
    spec = importlib.machinery.PathFinder.find_spec(PACKAGE.name, searched)
    return Source(PACKAGE, Path(spec.origin).parent if spec and spec.origin else None)


def name_to_workers() -> None:
    """Let processes that this one starts import the rayal that runs here."""
    found = _measure(Request())
    if not _is_same(found):
        others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        os.environ["PYTHONPATH"] = os.pathsep.join([str(PACKAGE.parent), *others])


def _is_same(facts: Source) -> bool:
    return facts.elsewhere is not None and facts.elsewhere.resolve() == facts.here.resolve()


@check("source", _measure, modes=("start", "local"))
def _judge(facts: Source, request: Request) -> Finding:
    threshold = "the rayal that workers import"
    if _is_same(facts) or request.mode == "local":
        return Finding("ok", str(facts.here), threshold)
    other = str(facts.elsewhere) if facts.elsewhere else "none"
    mend = f"workers are given {facts.here.parent} in PYTHONPATH (for good: pip install -e there)"
    return Finding("mended", f"{facts.here}, and {other} elsewhere", threshold, mend)


def package_hash() -> str:
    """Return the SHA-256 of rayal's code, with one kind of line ends."""
    total = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py"), key=lambda f: f.relative_to(PACKAGE).as_posix()):
        total.update(file.relative_to(PACKAGE).as_posix().encode())
        total.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return total.hexdigest()


def judge_same(driver: str, node: str) -> Finding:
    """Judge the code of a node against that of the driver, by their hashes."""
    measured = f"rayal {node[:SHOWN]}"
    threshold = f"the driver's, {driver[:SHOWN]}"
    if driver == node:
        return Finding("ok", measured, threshold, check="source")
    mend = "install the same rayal there: its trials would be computed by other code"
    return Finding("fails", measured, threshold, mend, "source")
