"""Where results go: a folder with room for them, which every node of a cluster sees."""

from __future__ import annotations

from pathlib import Path

from rayal.doctor.check import check
from rayal.doctor.checks.disk import Disk, disk_under
from rayal.doctor.finding import Finding
from rayal.doctor.request import HERE, Request
from rayal.doctor.sizes import size


def _measure(request: Request) -> Disk | None:
    return disk_under(request.out) if request.out else None


@check("results", _measure, modes=HERE)
def _judge(facts: Disk | None, request: Request) -> Finding:
    threshold = f"{size(request.disk_bytes)} at the least"
    if facts is None:
        return Finding("ok", "an object store", "does not fill up")
    measured = f"{size(facts.free)} free for {facts.folder}"
    if not facts.is_writable:
        mend = "give another --out, or make that folder writable"
        return Finding("fails", f"{facts.folder} cannot be written to", "a writable folder", mend)
    if facts.free < request.disk_bytes:
        return Finding("fails", measured, threshold, "free some, or give another --out")
    return Finding("ok", measured, threshold)


def judge_shared(sees_results: bool, out: Path) -> Finding:
    """Judge whether a node sees what the driver has written to the folder of results."""
    threshold = f"sees {out} of the driver"
    if sees_results:
        return Finding("ok", "it does", threshold, check="results")
    mend = "give a shared folder or an object store: --out s3://BUCKET/PREFIX"
    return Finding("fails", "it does not", threshold, mend, "results")
