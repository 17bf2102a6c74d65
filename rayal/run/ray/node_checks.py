"""The checks of `rayal doctor` on each node of a cluster; some compare it with this machine.

A node looks at itself in a task that takes none of its CPUs. Nodes that the cluster starts later
are not looked at.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rayal.doctor.check import examine
from rayal.doctor.checks import clock, results, source, versions
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request
from rayal.run.environment import versions as installed_versions
from rayal.run.ray.errors import ClusterError
from rayal.run.ray.session import ray_session
from rayal.sweep.schema import Resources

if TYPE_CHECKING:
    from ray import ObjectRef

SECONDS = 90.0  # for the nodes to answer: a worker has to be started on each


@dataclass(frozen=True)
class NodeReport:
    """What a node says of itself; now: its clock, in seconds since the epoch."""

    findings: list[Finding]
    versions: Mapping[str, str]
    source: str
    now: float
    sees_results: bool


def findings_at(address: str, request: Request) -> list[Finding]:
    """Join a cluster, and return what its nodes find.

    Raises:
        ClusterError: nothing answers there, or there is no token for it.
    """
    with ray_session(Resources(), address, lambda message: None):
        return node_findings(request)


def check_nodes(request: Request, say: Callable[[str], None]) -> None:
    """Say what of the nodes is mended or may fail.

    Raises:
        ClusterError: something is certain to fail there.
    """
    findings = node_findings(request)
    for finding in findings:
        if finding.state in ("mended", "warning"):
            say(f"{finding.state}: node {finding.node}: {finding.check}: {finding}")
    if failing := [f"{f.node}: {f.check}: {f}" for f in findings if f.state == "fails"]:
        raise ClusterError("the cluster cannot run the sweep: " + "\n  ".join(failing))


def node_findings(request: Request) -> list[Finding]:
    """Return what each node that is up finds; a Ray must have been joined."""
    import ray

    with _probe(request.out) as probe:
        asked_at = time.time()
        pending = dict(_ask_nodes(replace(request, mode="node"), probe))
        done, _ = ray.wait(list(pending), num_returns=len(pending), timeout=SECONDS)
        took = time.time() - asked_at
        answered = set(done)
        return [
            replace(finding, node=node)
            for reply, node in pending.items()
            for finding in _of_node(reply if reply in answered else None, request, took)
        ]


@contextmanager
def _probe(out: Path | None) -> Iterator[Path | None]:
    """Put a file where results go, for the nodes to look for."""
    if out is None or not out.is_dir():
        yield None
        return
    probe = out.resolve() / f".probe-{secrets.token_hex(8)}"
    probe.touch()
    try:
        yield probe
    finally:
        probe.unlink(missing_ok=True)


def _ask_nodes(request: Request, probe: Path | None) -> Iterator[tuple[ObjectRef[NodeReport], str]]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(_look)
    for node in ray.nodes():  # type: ignore[no-untyped-call]
        if node["Alive"]:
            place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = look.options(num_cpus=0, max_retries=0, scheduling_strategy=place)
            yield task.remote(request, probe), node["NodeManagerAddress"]


def _look(request: Request, probe: Path | None) -> NodeReport:
    return NodeReport(
        [finding for finding in examine(request) if finding.state != "ok"],
        installed_versions(),
        source.package_hash(),
        time.time(),
        probe is None or probe.exists(),
    )


def _of_node(
    reply: ObjectRef[NodeReport] | None, request: Request, took: float
) -> Iterator[Finding]:
    """What a node said, and how it compares with this machine."""
    if reply is None:
        yield Finding("warning", "no answer", f"within {SECONDS:.0f} s", "ray status", "node")
        return
    try:
        report = _report(reply)
    except Exception as error:  # noqa: BLE001 - whatever stops a check there would stop trials
        first = str(error).strip().rpartition("\n")[2]
        mend = "install the same rayal there, by the same Python"
        yield Finding("fails", first, "runs rayal's checks", mend, "node")
        return
    yield from report.findings
    yield versions.judge_same(installed_versions(), report.versions)
    yield source.judge_same(source.package_hash(), report.source)
    yield clock.judge_skew(report.now - time.time(), took)
    if request.out is not None:
        yield results.judge_shared(report.sees_results, request.out)


def _report(reply: ObjectRef[Any]) -> NodeReport:
    import ray

    report: NodeReport = ray.get(reply)
    return report
