"""A run outlives the terminal, the pipe and the disk that its progress is printed to."""

import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest

from rayal.cli.lasting_output import LastingOutput
from rayal.run.signals import StopRequestedError, interruptible
from tests import sweeps


@contextmanager
def full_output() -> Iterator[None]:
    """Standard output that can take nothing."""
    with Path("/dev/full").open("w") as stream, redirect_stdout(stream):
        yield


@contextmanager
def unread_output() -> Iterator[None]:
    """Standard output whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream, redirect_stdout(stream):
        yield


def print_to(stream: LastingOutput) -> None:
    stream.write("a line\n")
    stream.flush()


def test_a_full_disk_is_said_once_and_the_run_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    with full_output():
        stream = LastingOutput("stdout", of_run=True)
        print_to(stream)
        print_to(stream)
    assert capfd.readouterr().err.count("No space left on device") == 1


def test_an_answer_that_a_full_disk_does_not_take_ends_the_command_with_1() -> None:
    with full_output(), pytest.raises(SystemExit, match="1"):
        print_to(LastingOutput("stdout", of_run=False))


def test_a_run_whose_reader_has_gone_stops_as_by_a_signal() -> None:
    def run() -> None:
        with interruptible():
            print_to(LastingOutput("stdout", of_run=True))
            time.sleep(5)

    with unread_output(), pytest.raises(StopRequestedError):
        run()


@pytest.mark.parametrize("of_run", [False, True])
def test_a_command_whose_reader_has_gone_ends_with_1(of_run: bool) -> None:
    with unread_output(), pytest.raises(SystemExit, match="1"):
        print_to(LastingOutput("stdout", of_run=of_run))


def sweep_with(redirection: str, tmp_path: Path, **changes: object) -> tuple[int, str]:
    """Run a sweep of six trials with its output elsewhere; return its status and its errors."""
    sweep = sweeps.write_sweep(tmp_path, learners=["knn"], budgets=[10], **changes)
    words = shlex.join(sweeps.command(sweep, tmp_path / "run", "--local"))
    ended = subprocess.run(
        ["bash", "-c", f"{words} {redirection}; exit ${{PIPESTATUS[0]}}"], capture_output=True,
        text=True, timeout=120, env=sweeps.environment(), cwd=tmp_path, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("redirection", ["> /dev/full", ">&-", "<&- >&- 2>&-"])
def test_a_sweep_whose_output_goes_nowhere_makes_all_records(
    tmp_path: Path, redirection: str
) -> None:
    status, said = sweep_with(redirection, tmp_path)
    assert status == 0, said
    assert len(sweeps.records(tmp_path / "run")) == 6


@pytest.mark.slow
def test_a_sweep_whose_reader_has_gone_is_interrupted_and_no_trial_has_failed(
    tmp_path: Path,
) -> None:
    status, said = sweep_with("| head -n 2", tmp_path, seeds=200)
    assert status == 130, said
    assert "Broken pipe, and the run stops" in said
    assert list((tmp_path / "run" / "failures").iterdir()) == []
