"""Traps set for real, and sweeps that end in them as on a machine in order, or are refused."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.ray_nodes import Nodes, nodes
from rayal.doctor.checks.proxies import NO_PROXY
from tests import sweeps

pytestmark = pytest.mark.slow

NOBODYS_PORT = "http://127.0.0.1:9"
WHERE = '''
import os
from pathlib import Path

import rayal
from rayal.contracts import strategy


@strategy()
def where(pool, budget, rng, *, marks: str):
    """Leave a mark of the rayal that runs here, then draw the first images."""
    Path(marks, f"{os.getpid()}.txt").write_text(str(Path(rayal.__file__).parent))
    return pool.unlabeled[:budget]
'''


def may_unshare(option: str) -> bool:
    """Whether a namespace of our own can be made, which root alone may."""
    tool = shutil.which("unshare")
    tried = [tool or "", option, "true"]
    return bool(tool) and subprocess.run(tried, capture_output=True, check=False).returncode == 0


def set_limits() -> None:
    """In the process that is started: private files, few open files, one CPU."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 8192))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])


def with_small_shared_memory(command: list[str]) -> list[str]:
    """The command with 64 MB of /dev/shm, where that can be mounted."""
    if not may_unshare("-m"):
        return command
    mount = "mount -t tmpfs -o size=64m,mode=1777 tmpfs /dev/shm"
    return ["unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh", *command]


def start_trapped(sweep: Path, out: Path) -> subprocess.Popen[str]:
    """Start a sweep in all traps at once."""
    far = out.parent / ("deep" * 25)
    far.mkdir(exist_ok=True)
    proxies = dict.fromkeys(("http_proxy", "https_proxy"), NOBODYS_PORT)
    variables = {**sweeps.environment(), **proxies, "TMPDIR": str(far), "HOME": "/dev/null"}
    return subprocess.Popen(
        with_small_shared_memory(sweeps.command(sweep, out)),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=out.parent,
        env={name: v for name, v in variables.items() if name not in NO_PROXY},
        preexec_fn=set_limits,
    )  # fmt: skip


def test_two_sweeps_in_the_same_second_and_in_many_traps_end_as_on_a_quiet_machine(
    tmp_path: Path,
) -> None:
    asked = {"pretrain": {"cpus": 1}, "trial": {"cpus": 1}}
    sweep = sweeps.write_sweep(tmp_path, resources=asked, seeds=1)
    begun = [start_trapped(sweep, tmp_path / name) for name in ("first", "second")]
    said = [process.communicate(timeout=500)[0] for process in begun]
    assert [process.returncode for process in begun] == [0, 0], said
    assert sweeps.run(sweep, tmp_path / "local", "--local").returncode == 0
    for text, name in zip(said, ("first", "second"), strict=True):
        for check in ("sockets", "CPUs", "open files", "proxies", "home"):
            assert f"mended: {check}: " in text
        assert ("mended: /dev/shm: " in text) == may_unshare("-m")
        assert "4 of 4 trials done, 0 failed" in text
        sweeps.assert_same_results(tmp_path / name, tmp_path / "local")


def test_workers_run_the_rayal_of_a_link_to_a_checkout_beside_another_that_is_installed(
    tmp_path: Path,
) -> None:
    (tmp_path / "checkout").mkdir()
    (tmp_path / "marks").mkdir()
    shutil.copytree(sweeps.ROOT / "rayal", tmp_path / "checkout" / "rayal")
    (tmp_path / "link").symlink_to(tmp_path / "checkout")
    one = [{"name": "where", "marks": str(tmp_path / "marks")}]
    sweep = sweeps.write_sweep(tmp_path, plugins=["where.py"], strategies=one, seeds=1)
    (tmp_path / "where.py").write_text(WHERE)
    installed = {**sweeps.environment(), "PYTHONPATH": ""}
    ended = subprocess.run(
        sweeps.command(sweep, tmp_path / "run"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
        env=installed, cwd=tmp_path / "link", check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
    ran = {Path(mark.read_text()).resolve() for mark in (tmp_path / "marks").iterdir()}
    assert ran == {tmp_path.resolve() / "checkout" / "rayal"}


def test_without_loopback_a_sweep_is_refused_and_runs_without_ray(tmp_path: Path) -> None:
    if not may_unshare("-n"):
        pytest.skip("a network of our own can be made by root alone")
    sweep = sweeps.write_sweep(tmp_path, strategies=["random"], seeds=1)
    for option, status in ((), 2), (("--local",), 0):
        ended = subprocess.run(
            ["unshare", "-n", *sweeps.command(sweep, tmp_path / "run", *option)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
            env=sweeps.environment(), cwd=tmp_path, check=False,
        )  # fmt: skip
        assert ended.returncode == status, ended.stdout
        assert ("ip link set lo up, or use --local" in ended.stdout) == (status == 2)


@pytest.fixture
def half_a_cpu() -> Iterator[Path]:
    """A control group with a quota of half a CPU."""
    first, second = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
    base = first if first.is_dir() else second
    group = base / f"rayal-test-{os.getpid()}"
    try:
        group.mkdir()
        if base == first:
            (group / "cpu.cfs_quota_us").write_text("50000")
        else:
            (group / "cpu.max").write_text("50000 100000")
    except OSError:
        pytest.skip("a control group with a quota can be made by root alone")
    yield group
    group.rmdir()


def test_a_quota_of_half_a_cpu_is_seen(half_a_cpu: Path, tmp_path: Path) -> None:
    join = f'echo $$ > {half_a_cpu / "cgroup.procs"} && exec "$@"'
    doctor = [sys.executable, "-m", "rayal", "doctor", "--json"]
    ended = subprocess.run(
        ["sh", "-c", join, "sh", *doctor],
        capture_output=True, text=True, env=sweeps.environment(), cwd=tmp_path, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found = {finding["check"]: finding for finding in json.loads(ended.stdout)}
    assert "quota 0.5" in found["CPUs"]["measured"]
    assert found["load"]["state"] == "mended"


@pytest.fixture
def other_code(tmp_path: Path) -> Iterator[Nodes]:
    """A cluster of one node, where rayal has a changed file."""
    shutil.copytree(sweeps.ROOT / "rayal", tmp_path / "other" / "rayal")
    with (tmp_path / "other" / "rayal" / "metrics.py").open("a") as file:
        file.write("# changed\n")
    with nodes() as cluster:
        cluster.environment["PYTHONPATH"] = str(tmp_path / "other")
        cluster.head()
        yield cluster


def test_a_node_with_other_code_is_named_and_refused(other_code: Nodes, tmp_path: Path) -> None:
    variables = {**other_code.environment, "PYTHONPATH": str(sweeps.ROOT)}
    commands = (
        [sys.executable, "-m", "rayal", "doctor", "--address", other_code.address],
        sweeps.command(
            sweeps.write_sweep(tmp_path), tmp_path / "run", "--address", other_code.address
        ),
    )
    for command, status in zip(commands, (1, 2), strict=True):
        ended = subprocess.run(
            command,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
            env=variables, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert ended.returncode == status, ended.stdout
        assert "install the same rayal there" in ended.stdout
    assert sweeps.records(tmp_path / "run") == {}


SLOW_AGENT = """
import pathlib, sys, time

command = pathlib.Path("/proc/self/cmdline").read_text()
marker = pathlib.Path(__file__).with_name("slept")
if "dashboard/agent.py" in command and not marker.exists():
    marker.touch()
    time.sleep(25)
"""


def test_a_ray_whose_agents_start_too_slowly_is_started_again(tmp_path: Path) -> None:
    """Ray waits 15 s for them, whatever is asked, and its raylet then dies."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(SLOW_AGENT)
    sweep = sweeps.write_sweep(tmp_path, strategies=["random"], budgets=[10], seeds=1)
    variables = sweeps.environment()
    variables["PYTHONPATH"] += f"{os.pathsep}{tmp_path / 'hook'}"
    ended = subprocess.run(
        sweeps.command(sweep, tmp_path / "run"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=500,
        env=variables, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
    assert "did not start in time: they are started again" in ended.stdout
    assert (tmp_path / "hook" / "slept").exists()


def test_a_run_that_was_moved_goes_on_where_it_lies(tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path, strategies=["random"], budgets=[10], seeds=1)
    assert sweeps.run(sweep, tmp_path / "run", "--local").returncode == 0
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").rename(tmp_path / "elsewhere" / "moved")
    more = sweeps.run(sweep, tmp_path / "elsewhere" / "moved", "--local", "--set", "seeds=2")
    assert "2 trials, 1 done already" in more.stdout
