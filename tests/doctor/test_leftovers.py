"""Processes of a sweep that was killed, with real processes and a real scratch folder."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayal.doctor.check import find_check
from rayal.doctor.request import Request
from rayal.storage.scratch import is_abandoned, scratch_folder

WAIT = "import sys; print(flush=True); sys.stdin.read()"


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """The folder of a sweep that runs."""
    with scratch_folder(tmp_path) as folder:
        yield folder


@pytest.fixture
def service(scratch: Path) -> Iterator[int]:
    """A process of its Ray."""
    command = [sys.executable, "-c", WAIT, f"--session-dir={scratch}/ray/session_1"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process.pid
    process.communicate(b"")


@pytest.fixture
def worker(scratch: Path) -> Iterator[int]:
    """A process of its Ray that shows a title, and writes a log."""
    logs = scratch / "ray" / "session_1" / "logs"
    logs.mkdir(parents=True)
    with (logs / "worker.err").open("wb") as log:
        process = subprocess.Popen(
            ["ray::trials", "-c", "echo; read line"],
            executable="/bin/sh", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    yield process.pid
    process.communicate(b"\n")


def left_over() -> tuple[int, ...]:
    pids: tuple[int, ...] = find_check("left-overs").measure(Request()).pids
    return pids


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs Linux's /proc")
def test_a_process_counts_as_left_over_once_its_sweep_has_ended(
    scratch: Path, service: int, worker: int
) -> None:
    assert not is_abandoned(scratch)
    assert {service, worker}.isdisjoint(left_over())
    (scratch / ".owner").rename(scratch / "taken-away")
    assert is_abandoned(scratch)
    assert {service, worker} <= set(left_over())


def test_this_process_is_no_left_over() -> None:
    assert os.getpid() not in left_over()
