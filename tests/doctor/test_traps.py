"""Traps that stop or slow a run, each set by handing its check the facts that it would measure."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from rayal.doctor.check import all_checks, examine, find_check
from rayal.doctor.checks import clock, results, source, versions
from rayal.doctor.checks.clock import Clock
from rayal.doctor.checks.cpus import Cpus, cpus_for_ray
from rayal.doctor.checks.disk import Disk, capacity_threshold
from rayal.doctor.checks.gpu import Gpus
from rayal.doctor.checks.home import Home
from rayal.doctor.checks.leftovers import Leftovers
from rayal.doctor.checks.load import TIME_OUTS, Load, time_outs
from rayal.doctor.checks.memory import Memory
from rayal.doctor.checks.open_files import OpenFiles
from rayal.doctor.checks.ports import Ports
from rayal.doctor.checks.processes import Processes
from rayal.doctor.checks.proxies import Proxies
from rayal.doctor.checks.shared_memory import SharedMemory, StorePlan, plan_store
from rayal.doctor.checks.sockets import LONGEST_SOCKET_PATH, TemporaryFolders, socket_length
from rayal.doctor.checks.source import Source
from rayal.doctor.checks.temporary_folder import TemporaryFolder
from rayal.doctor.checks.versions import Versions
from rayal.doctor.finding import STATES, Finding
from rayal.doctor.request import Request

GB = 10**9
START, LOCAL, NODE = Request(), Request(mode="local"), Request(mode="node")


def judged(check: str, facts: object, request: Request = START) -> Finding:
    finding: Finding = find_check(check).judge(facts, request)
    return finding


# Facts, what is asked for, the state, and what the line must say. -------------------------------

TRAPS = [
    (
        "sockets",
        TemporaryFolders(Path("/t" * 60), Path("/tmp"), 203),
        START,
        "mended",
        "go to /tmp",
    ),
    ("sockets", TemporaryFolders(Path("/t" * 60), None, 203), START, "fails", "set TMPDIR"),
    ("/dev/shm", SharedMemory(64 * 10**6, 24 * GB), START, "mended", "--shm-size=7g"),
    ("/dev/shm", SharedMemory(64 * 10**6, 24 * GB), NODE, "warning", "--shm-size=7g"),
    ("/dev/shm", SharedMemory(2 * GB, 64 * GB), Request(feature_bytes=3 * GB), "mended", "disk"),
    ("CPUs", Cpus(8, 1), Request(cpus=1), "mended", "Ray is told of 1"),
    ("CPUs", Cpus(8, 8, quota=0.5), Request(cpus=1), "mended", "Ray is told of 1"),
    ("CPUs", Cpus(8, 8, job=2), Request(cpus=2), "mended", "Ray is told of 2"),
    ("CPUs", Cpus(8, 8, quota=1), Request(cpus=2), "mended", "threads share 1"),
    ("CPUs", Cpus(8, 8), Request(cpus=16), "fails", "--set resources.pretrain.cpus=8"),
    ("proxies", Proxies({"http_proxy": "http://p:9"}), START, "mended", "127.0.0.1"),
    ("proxies", Proxies({"http_proxy": "x"}, ("http://u:pw@p:9",)), START, "mended", "unset http_"),
    ("temporary files", TemporaryFolder("/x", 1, 2, False, Path("/tmp")), START, "mended", "/tmp"),
    ("temporary files", TemporaryFolder("/x", None, 2, False, None), START, "fails", "TMPDIR="),
    ("disk of Ray", Disk(Path("/tmp"), 100 * GB, 3 * GB), START, "mended", "1.0 GB are left"),
    ("disk of Ray", Disk(Path("/tmp"), GB, GB // 10), START, "warning", "TMPDIR=/a/larger/disk"),
    ("disk of Ray", Disk(Path("/tmp"), 100 * GB, 3 * GB), NODE, "warning", "free some in /tmp"),
    ("results", Disk(Path("r"), GB, 10), Request(disk_bytes=20), "fails", "another --out"),
    ("results", Disk(Path("r"), GB, GB, False), START, "fails", "make that folder writable"),
    ("open files", OpenFiles(1024, 1_048_576), START, "mended", "raised to 65,536"),
    ("open files", OpenFiles(1024, 1_048_576), NODE, "warning", "ulimit -Hn 65536"),
    ("open files", OpenFiles(1024, 1024), START, "warning", "ulimit -Hn 65536"),
    ("open files", OpenFiles(50, 50), START, "fails", "ulimit -n 4096"),
    ("memory", Memory(GB, 600 * 10**6, None, 8), START, "warning", "machine_cpus=1"),
    ("memory", Memory(GB, GB, 4 * GB), START, "fails", "ulimit -v unlimited"),
    ("memory", Memory(64 * GB, 60 * GB, 12 * GB), START, "warning", "ulimit -v unlimited"),
    ("memory", Memory(GB, GB, 4 * GB), LOCAL, "warning", "ulimit -v unlimited"),
    ("processes", Processes(1024, 512, 4), START, "warning", "--pids-limit="),
    ("processes", Processes(512, None, 4), START, "warning", "ulimit -u"),
    ("clock", Clock(0.0, 1.7e9), START, "warning", "timedatectl"),
    (
        "home",
        Home("/nonexistent", False, False, Path("/c"), False),
        START,
        "mended",
        "export HOME=",
    ),
    ("load", Load(30.0, 2), START, "mended", "5 times longer"),
    ("load", Load(0.0, 0.5), START, "mended", "2 times longer"),
    ("loopback", False, START, "fails", "ip link set lo up"),
    ("ports", Ports(40_000, 40_020, 0, 2), START, "warning", "ip_local_port_range"),
    ("source", Source(Path("/a/rayal"), Path("/b/rayal")), START, "mended", "PYTHONPATH"),
    ("source", Source(Path("/a/rayal"), None), START, "mended", "PYTHONPATH"),
    ("left-overs", Leftovers((11, 12)), START, "warning", "kill 11 12"),
    ("versions", Versions({"ray": "2.40"}, {"ray": ">=2.60"}), START, "warning", "'ray>=2.60'"),
    ("versions", Versions({"ray": None}, {"ray": ">=2.60"}), START, "fails", "pip install"),
    ("GPU", Gpus(0, None, None), Request(gpus=1), "fails", "--gpus all"),
    ("GPU", Gpus(1, "580.1", None), Request(gpus=1), "fails", "install.py"),
    ("GPU", Gpus(1, "525.1", "13.0"), Request(gpus=1), "fails", "580 or later"),
    ("GPU", Gpus(1, "580.1", "13.0", ""), Request(gpus=0.5), "fails", "unset CUDA_VISIBLE_DEVICES"),
]


@pytest.mark.parametrize(
    ("check", "facts", "request_", "state", "says"),
    TRAPS,
    ids=[f"{n}-{check}-{state}" for n, (check, _, _, state, _) in enumerate(TRAPS)],
)
def test_a_trap_is_seen_and_answered(
    check: str,
    facts: object,
    request_: Request,
    state: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RAYAL_GPUS_BY_NAME", raising=False)
    finding = judged(check, facts, request_)
    assert finding.state == state
    assert says in finding.mend
    assert finding.measured
    assert finding.threshold


NO_TRAPS = [
    ("sockets", TemporaryFolders(Path("/tmp"), Path("/tmp"), 89), START),
    ("/dev/shm", SharedMemory(8 * GB, 24 * GB), START),
    ("/dev/shm", SharedMemory(GB, 24 * GB), START),
    ("CPUs", Cpus(8, 8), Request(cpus=8)),
    ("CPUs", Cpus(8, 8, quota=12.0), Request(cpus=8)),
    ("CPUs", Cpus(2, 2), Request(cpus=16, can_grow=True)),
    ("CPUs", Cpus(2, 2), Request(cpus=16, mode="join")),
    ("proxies", Proxies({}), START),
    ("temporary files", TemporaryFolder("", None, 1, True, Path("/tmp")), START),
    ("disk of Ray", Disk(Path("/tmp"), 100 * GB, 50 * GB), START),
    ("results", None, START),
    ("open files", OpenFiles(65_536, 65_536), START),
    ("open files", OpenFiles(4096, 4096), LOCAL),
    ("memory", Memory(24 * GB, 20 * GB, None, 8), START),
    ("processes", Processes(None, None, 64), START),
    ("clock", Clock(1.8e9, 1.7e9), START),
    ("home", Home("/home/rayal", True, True, Path("/c"), True), START),
    ("load", Load(2.0, 2), START),
    ("loopback", True, START),
    ("ports", Ports(32_768, 60_999, 200, 64), START),
    ("source", Source(Path("/a/rayal"), Path("/a/rayal")), START),
    ("left-overs", Leftovers(()), START),
    ("versions", Versions({"ray": "2.60.0"}, {"ray": ">=2.60"}), START),
    ("GPU", Gpus(0, None, None), START),
    ("GPU", Gpus(1, "580.1", "13.0", "0"), Request(gpus=1)),
    ("GPU", Gpus(1, "580.1", "13.0", "GPU-8f3a"), Request(gpus=1)),
    ("GPU", Gpus(0, None, None), Request(gpus=1, can_grow=True)),
]


@pytest.mark.parametrize(("check", "facts", "request_"), NO_TRAPS)
def test_a_machine_without_the_trap_is_in_order(
    check: str, facts: object, request_: Request
) -> None:
    finding = judged(check, facts, request_)
    assert (finding.state, finding.mend) == ("ok", "")


def test_every_check_has_a_trap_and_a_machine_without_it() -> None:
    names = {check.name for check in all_checks()}
    assert {trap[0] for trap in TRAPS} == names
    assert {trap[0] for trap in NO_TRAPS} == names


# On this machine ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["start", "join", "local", "node"])
def test_every_check_measures_this_machine(mode: str, tmp_path: Path) -> None:
    findings = examine(replace(START, mode=mode, out=tmp_path))
    assert [f.check for f in findings] == [c.name for c in all_checks() if mode in c.modes]
    for finding in findings:
        assert finding.state in STATES
        assert not finding.measured.startswith("not measured"), finding


def test_no_node_is_said_to_be_mended() -> None:
    """What is mended is the process that starts; a node's Ray runs already."""
    for check, facts, request, state, _ in TRAPS:
        if state == "mended" and "node" in find_check(check).modes:
            assert judged(check, facts, replace(request, mode="node")).state != "mended"


def test_what_cannot_be_measured_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: Request) -> bool:
        raise PermissionError("no")

    finding = replace(find_check("loopback"), measure=refuse).find(START)
    assert (finding.state, finding.check) == ("warning", "loopback")


# What a mended trap leads to ------------------------------------------------------------------


def test_rays_store_fits_into_shared_memory_or_lies_on_the_disk() -> None:
    assert plan_store(SharedMemory(8 * GB, 24 * GB), 0) == StorePlan(None, on_disk=False)
    small = plan_store(SharedMemory(GB, 24 * GB), 10**8)
    assert not small.on_disk
    assert small.size is not None
    assert 10**8 < small.size < GB
    for free, features in ((64 * 10**6, 0), (GB, GB)):
        on_disk = plan_store(SharedMemory(free, 24 * GB), features)
        assert on_disk.on_disk
        assert on_disk.size is not None
        assert on_disk.size >= 2 * features


def test_ray_is_told_of_the_cpus_that_are_left_to_this_process() -> None:
    assert cpus_for_ray(Cpus(8, 3), Request(cpus=1)) == 3
    assert cpus_for_ray(Cpus(8, 8, quota=1.9), Request(cpus=1)) == 1
    assert cpus_for_ray(Cpus(8, 8, quota=1.0), Request(cpus=2)) == 2
    assert cpus_for_ray(Cpus(8, 8, quota=1.0), Request(cpus=2, machine_cpus=5)) == 5
    assert cpus_for_ray(Cpus(8, 8), Request(cpus=16)) == 8


def test_time_outs_follow_the_load() -> None:
    assert Load(1.0, 2).slowness == 1
    assert Load(6.0, 2).slowness == 3
    assert Load(10_000.0, 2).slowness == 5
    quiet, busy = time_outs(1), time_outs(3)
    assert set(quiet) == set(TIME_OUTS)
    assert all(int(busy[name]) == 3 * int(quiet[name]) for name in quiet)


def test_a_nearly_full_disk_is_used_until_a_gigabyte_is_left() -> None:
    assert capacity_threshold(Disk(Path("/"), 100 * GB, GB)) == pytest.approx(0.99)
    assert capacity_threshold(Disk(Path("/"), GB, GB)) == 0.95


def test_the_longest_socket_of_a_short_folder_fits() -> None:
    assert socket_length(Path("/tmp")) <= LONGEST_SOCKET_PATH < socket_length(Path("/t" * 60))


# Nodes against the driver ------------------------------------------------------------------------


def test_a_node_with_other_versions_code_or_clock_is_named() -> None:
    here = {"python": "3.11.7", "ray": "2.60.0", "torch": "2.13.0"}
    assert versions.judge_same(here, dict(here)).state == "ok"
    other = versions.judge_same(here, {**here, "torch": "2.12.0"})
    assert other.state == "warning"
    assert "torch 2.12.0 against 2.13.0" in other.measured
    assert "torch==2.13.0" in other.mend
    assert source.judge_same("a" * 64, "a" * 64).state == "ok"
    assert source.judge_same("a" * 64, "b" * 64).state == "fails"
    assert clock.judge_skew(-3.0, 1.0).state == "ok"
    assert clock.judge_skew(-300.0, 1.0).state == "warning"
    assert results.judge_shared(True, Path("/r")).state == "ok"
    assert results.judge_shared(False, Path("/r")).state == "fails"


def test_code_has_the_same_hash_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PACKAGE", tmp_path)
    (tmp_path / "a.py").write_bytes(b"x = 1\n")
    first = source.package_hash()
    (tmp_path / "a.py").write_bytes(b"x = 1\r\n")
    assert source.package_hash() == first
    (tmp_path / "a.py").write_bytes(b"x = 2\n")
    assert source.package_hash() != first


def test_measuring_the_clock_reads_this_moment() -> None:
    found = find_check("clock").measure(START)
    assert abs(found.now - time.time()) < 60
    assert found.installed <= found.now + 86_400
