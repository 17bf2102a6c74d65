"""What a sweep withstands: full and read-only disks, clocks that jump, a second driver.

The faults are real ones: small disks are mounted, processes killed, the clock of a whole process is
moved. A machine where that needs rights or a library that are not there skips the test.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import sweeps

pytestmark = pytest.mark.slow

CLOCKS = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")  # Debian: libfaketime
DAY = 86_400

BULKY = '''

def fill(path, left):
    """Fill the disk of a file up to so many bytes."""
    disk = os.statvfs(os.path.dirname(path))
    with open(path, "ab") as ballast:
        ballast.write(bytes(max(0, disk.f_bavail * disk.f_frsize - left)))


@strategy()
def hoarding(pool, budget, rng, *, path: str, left: int):
    """Draw the first images, and leave the disk with little space."""
    fill(path, left)
    return first(pool, budget)


@strategy()
def busy(pool, budget, rng, *, seconds: float):
    """Take a while without sleeping, which libfaketime cannot do, then draw the first images."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    return first(pool, budget)


@encoder()
def bulky(dataset, rng, progress, *, weights: bool = False):
    """Give what is too large for a small disk: features, or weights."""
    rows = len(dataset.train.labels), len(dataset.test.labels)
    train, test = (np.ones((n, 2 if weights else 8192), dtype=np.float32) for n in rows)
    large = {"w": np.ones((4096, 4096), dtype=np.float32)} if weights else None
    return Embedding(train, test, weights=large)
'''

FULL = "no space left on the disk; free some and run the same command again"


def write_sweep(folder: Path, **changes: object) -> Path:
    path = sweeps.write_sweep(folder, plugins=["plugin.py"], **changes)
    with (folder / "plugin.py").open("a") as plugin:
        plugin.write(BULKY)
    return path


@contextlib.contextmanager
def begun(
    sweep: Path, out: Path, *options: str, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """Start a sweep; whatever happens, it does not outlive the test."""
    process = subprocess.Popen(
        sweeps.command(sweep, out, *options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env={**sweeps.environment(), **variables}, cwd=out.parent,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def ended(process: subprocess.Popen[str]) -> str:
    """Wait for its end; return what it said."""
    said, _ = process.communicate(timeout=300)
    return said


def wait_for_records(out: Path, count: int) -> None:
    deadline = time.monotonic() + 300
    while len(list((out / "records").glob("[!.]*.json"))) < count:
        assert time.monotonic() < deadline, "no records came"
        assert not list((out / "failures").glob("[!.]*")), "a trial failed"
        time.sleep(0.02)


def half_written(out: Path) -> list[Path]:
    return [path for path in out.rglob("*") if path.name.endswith(".tmp")]


def slow(seconds: float) -> list[dict[str, object]]:
    return [{"name": "slow", "seconds": seconds}]


# A full disk -------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [False, True], ids=["features", "weights"])
def test_an_artefact_too_large_for_the_disk_stops_the_sweep_until_there_is_space(
    tmp_path: Path, small_disk: Path, weights: bool
) -> None:
    encoders = [{"name": "bulky", "weights": weights}]
    sweep = write_sweep(tmp_path, encoders=encoders, strategies=["random"], seeds=1)
    out = small_disk / "run"
    full = sweeps.run(sweep, out, "--local")
    assert full.returncode == 1, full.stdout
    assert full.stdout.count(FULL) == 1
    assert "Traceback" not in full.stdout
    assert list((out / "artefacts").iterdir()) == []
    assert list((out / "failures").iterdir()) == []
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    again = sweeps.run(sweep, out, "--local")
    assert again.returncode == 0, again.stdout


@pytest.mark.slow
def test_a_disk_that_fills_up_under_ray_stops_the_sweep_until_there_is_space(
    tmp_path: Path, small_disk: Path
) -> None:
    sweep, out = write_sweep(tmp_path, strategies=slow(0.5)), small_disk / "run"
    with begun(sweep, out) as process:
        wait_for_records(out, 1)
        sweeps.fill(small_disk / "ballast")
        said = ended(process)
    assert process.returncode == 1, said
    assert said.count(FULL) == 1
    kept = {p: p.stat().st_mtime_ns for p in (out / "records").glob("[!.]*")}
    assert 1 <= len(kept) < 6
    assert list((out / "failures").iterdir()) == []
    (small_disk / "ballast").unlink()
    again = sweeps.run(sweep, out, "--local")
    assert again.returncode == 0, again.stdout
    assert kept.items() <= {p: p.stat().st_mtime_ns for p in (out / "records").iterdir()}.items()
    sweeps.run(sweep, tmp_path / "whole", "--local")
    sweeps.assert_same_results(out, tmp_path / "whole")


def test_a_report_that_the_disk_cannot_hold_costs_no_trial_and_no_earlier_report(
    tmp_path: Path, small_disk: Path
) -> None:
    out, ballast = small_disk / "run", small_disk / "ballast"
    first = write_sweep(tmp_path, strategies=["random"], seeds=1)
    assert sweeps.run(first, out, "--local", report=True).returncode == 0
    page = (out / "report" / "index.html").read_bytes()
    hoarding = {"name": "hoarding", "path": str(ballast), "left": 24_000}
    sweep = write_sweep(tmp_path, strategies=["random", hoarding], seeds=1)
    filled = sweeps.run(sweep, out, "--local", report=True)
    assert filled.returncode == 0, filled.stdout
    assert "4 of 4 trials done, 0 failed" in filled.stdout
    assert filled.stdout.count("the report could not be made") == 1
    assert FULL.partition(";")[0] in filled.stdout
    assert f"python -m rayal report {out}" in filled.stdout
    assert (out / "report" / "index.html").read_bytes() == page
    assert half_written(out) == []
    refused = run_module("analysis", out)
    assert (refused.returncode, refused.stdout.count("\n")) == (2, 1), refused.stdout
    ballast.unlink()
    assert run_module("analysis", out).returncode == 0
    assert (out / "report" / "index.html").read_bytes() != page


def run_module(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=300, env=sweeps.environment(), check=False,
    )  # fmt: skip


def test_a_log_on_a_full_disk_ends_with_a_whole_line(small_disk: Path) -> None:
    from rayal.storage.files import files_of

    append = files_of(small_disk).open_append(small_disk / "log.jsonl")
    sweeps.fill(small_disk / "ballast")
    line = json.dumps({"event": "x" * 1000}) + "\n"
    with pytest.raises(OSError, match="No space left"):
        append(line * 100)
    (small_disk / "ballast").unlink()
    append(line)
    append(line)
    assert {*(small_disk / "log.jsonl").read_text().splitlines()} == {line.strip()}


# A read-only disk ----------------------------------------------------------------------


def test_a_read_only_directory_is_refused_read_and_reported_elsewhere(
    tmp_path: Path, small_disk: Path
) -> None:
    sweep, out = write_sweep(tmp_path, strategies=["random"]), small_disk / "run"
    assert sweeps.run(sweep, out, "--local").returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for place in (out, small_disk / "new"):
        refused = sweeps.run(sweep, place, "--local")
        assert refused.returncode == 2, refused.stdout
        assert refused.stdout == f"rayal: {place} cannot be written to: Read-only file system\n"
    refused = run_module("analysis", out)
    assert (refused.returncode, refused.stdout.count("\n")) == (2, 1), refused.stdout
    assert "Read-only file system" in refused.stdout
    assert run_module("analysis", out, "--out", tmp_path / "elsewhere").returncode == 0
    assert "6 of 6 trials done" in run_module("rayal.status", out).stdout


def test_a_disk_that_becomes_read_only_stops_the_sweep_until_it_is_mended(
    tmp_path: Path, small_disk: Path
) -> None:
    sweep, out = write_sweep(tmp_path, strategies=slow(0.3)), small_disk / "run"
    with begun(sweep, out, "--local") as process:
        wait_for_records(out, 1)
        assert sweeps.mount(out / "records", "-o", "ro")
        said = ended(process)
    assert process.returncode == 1, said
    assert said.count("cannot be written: Read-only file system") == 1
    assert "Traceback" not in said
    subprocess.run(["umount", str(out / "records")], check=True)
    again = sweeps.run(sweep, out, "--local")
    assert again.returncode == 0, again.stdout
    assert half_written(out) == []


# Clocks that jump ------------------------------------------------------------------------


@pytest.mark.skipif(not CLOCKS.exists(), reason="libfaketime is not installed")
@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "backward"])
def test_a_clock_that_jumps_a_day_changes_no_result_and_no_duration(
    tmp_path: Path, jump: int
) -> None:
    sweep = write_sweep(tmp_path, strategies=[{"name": "busy", "seconds": 0.3}])
    out, offset = tmp_path / "run", tmp_path / "offset"
    offset.write_text("+0")
    faked = {"FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1"}
    faked |= {"LD_PRELOAD": str(CLOCKS), "DONT_FAKE_MONOTONIC": "1"}
    with begun(sweep, out, "--local", **faked) as process:
        wait_for_records(out, 2)
        offset.write_text(f"{jump:+d}")
        said = ended(process)
    assert process.returncode == 0, said
    assert "6 of 6 trials done, 0 failed" in said
    assert 0 < int(said.partition("0 failed, ")[2].partition(" s")[0]) < DAY / 2
    events = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    days = {event["time"][:10] for event in events}
    assert len(days) > 1, "the clock did not jump"
    assert [event["event"] for event in events].count("trial_done") == 6
    assert all(0 <= event.get("seconds", 0) < DAY / 2 for event in events)
    for record in sweeps.records(out).values():
        assert 0 < record["seconds"] < DAY / 2
    sweeps.run(sweep, tmp_path / "whole", "--local")
    sweeps.assert_same_results(out, tmp_path / "whole")


# A second driver ---------------------------------------------------------------------------


def test_a_second_driver_is_refused_and_the_first_is_unharmed(tmp_path: Path) -> None:
    sweep, out = write_sweep(tmp_path, strategies=slow(0.5)), tmp_path / "run"
    with begun(sweep, out, "--local") as first:
        wait_for_records(out, 1)
        sweeps.suspend(first)
        before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
        refused = sweeps.run(sweep, out, "--local")
        after = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
        first.send_signal(signal.SIGCONT)
        said = ended(first)
    assert refused.returncode == 2
    assert refused.stdout.count("\n") == 1
    assert f"is in use by process {first.pid} on" in refused.stdout
    assert after == before
    assert "6 of 6 trials done, 0 failed" in said
    assert first.returncode == 0


@pytest.mark.slow
def test_a_driver_started_over_the_workers_of_a_killed_one_doubles_nothing(tmp_path: Path) -> None:
    sweep, out = write_sweep(tmp_path, strategies=slow(0.5), seeds=8), tmp_path / "run"
    with begun(sweep, out) as first:
        wait_for_records(out, 3)
        os.kill(first.pid, signal.SIGKILL)  # its workers live on for a while
        again = sweeps.run(sweep, out, "--local")
    assert again.returncode == 0, again.stdout
    assert "16 of 16 trials done, 0 failed" in again.stdout
    assert len(list((out / "records").iterdir())) == 16
    assert list((out / "partial").iterdir()) == []
    sweeps.run(sweep, tmp_path / "whole", "--local")
    sweeps.assert_same_results(out, tmp_path / "whole")
