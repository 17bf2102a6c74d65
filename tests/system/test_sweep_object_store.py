"""Whole sweeps whose results lie in an object store, run as a user runs them."""

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayal.storage import object_cache
from rayal.storage.location import Address
from rayal.storage.run import RunStore
from tests import sweeps
from tests.storage import object_stores as servers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["s3"])
def server(request: pytest.FixtureRequest) -> Iterator[servers.Server]:
    with servers.server(request.param) as started:
        yield started


@pytest.fixture
def place(
    server: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Address]:
    server.name_in(monkeypatch)
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "cache"))
    object_cache.of_bucket.cache_clear()
    yield Address(f"{server.scheme}://{servers.BUCKET}/{uuid.uuid4().hex}/run")
    object_cache.of_bucket.cache_clear()


def run(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=300, env=sweeps.environment(), check=False,
    )  # fmt: skip


def copied(place: Address, folder: Path) -> Path:
    """Copy a run's records to a disk."""
    held = RunStore(place)
    (folder / "records").mkdir(parents=True)
    for name in held.files.list_files(place / "records"):
        (folder / "records" / name).write_bytes(held.files.read(place / "records" / name))
    return folder


def wait_for_records(place: Address, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(RunStore(place).finished()) < count:
        assert time.monotonic() < deadline, "no records came"
        time.sleep(0.1)


@pytest.mark.parametrize("server", servers.SCHEMES, indirect=True)
def test_a_killed_sweep_goes_on_and_equals_one_on_a_disk(place: Address, tmp_path: Path) -> None:
    strategies = ["kmeans", {"name": "slow", "seconds": 1.0}]
    sweep = sweeps.write_sweep(tmp_path, plugins=["plugin.py"], strategies=strategies)
    command = [sys.executable, "-m", "rayal.sweep", str(sweep), "--local", "--out", str(place)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=sweeps.environment())
    try:
        wait_for_records(place, 2)
        sweeps.suspend(process)
        refused = run("rayal.sweep", sweep, "--local", "--out", place)
        assert refused.returncode == 2
        assert f"{place} is in use by process {process.pid} on" in refused.stdout
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = RunStore(place).finished_at()
    assert 2 <= len(kept) < 12
    status = json.loads(run("rayal.status", place, "--json").stdout)
    assert status["trials"]["done"] == len(kept)
    ended = run("rayal.sweep", sweep, "--local", "--out", place)
    assert ended.returncode == 0, ended.stdout
    assert f"12 trials, {len(kept)} done already; results in {place}" in ended.stdout
    assert kept.items() <= RunStore(place).finished_at().items()
    assert sweeps.run(sweep, tmp_path / "disk", "--local").returncode == 0
    sweeps.assert_same_results(copied(place, tmp_path / "copy"), tmp_path / "disk")
    check_report(place, tmp_path)


def check_report(place: Address, tmp_path: Path) -> None:
    made = run("analysis", place, "--out", tmp_path / "report")
    assert made.returncode == 0, made.stdout
    assert (tmp_path / "report" / "tables" / "summary.csv").is_file()
    files = RunStore(place).files
    assert files.exists(place / "report" / "index.html")
    assert files.exists(place / "tables" / "summary.csv")
    log = files.read(place / "log.jsonl").decode().splitlines()
    assert json.loads(log[-1])["event"] == "sweep_ended"
    everything = [files.read(place / name) for name in files.list_files(place)]
    assert not any(servers.SECRET.encode() in content for content in everything)


def test_a_sweep_through_a_store_that_fails_one_request_in_ten_ends_whole(
    place: Address, server: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = sweeps.write_sweep(tmp_path, seeds=2)
    with servers.Proxy(server, fails=0.1) as proxy:
        proxy.reached.name_in(monkeypatch)
        ended = run("rayal.sweep", sweep, "--local", "--no-report", "--out", place)
        assert ended.returncode == 0, ended.stdout
        assert "8 of 8 trials done, 0 failed" in ended.stdout
        assert proxy.failed > 0
    assert servers.SECRET not in ended.stdout
    server.name_in(monkeypatch)
    assert len(RunStore(place).finished()) == 8


@pytest.mark.parametrize("module", ["rayal.sweep", "rayal.encode"])
def test_a_bucket_that_is_not_there_is_one_line_before_anything_is_computed(
    place: Address, tmp_path: Path, module: str
) -> None:
    sweep = sweeps.write_sweep(tmp_path)
    refused = run(module, sweep, "--out", "s3://nowhere/run")
    assert refused.returncode == 2
    assert refused.stdout.count("\n") == 1
    assert "s3://nowhere: there is no such bucket" in refused.stdout


def test_encoder_stages_are_made_and_shown(place: Address, tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path)
    made = run("rayal.encode", sweep, "--out", place)
    assert made.returncode == 0, made.stdout
    shown = run("rayal.encode", sweep, "--out", place, "--show")
    assert shown.returncode == 0, shown.stdout
    assert "pixels" in shown.stdout
    assert "not made" not in shown.stdout


@pytest.mark.slow
def test_a_sweep_on_ray_equals_one_on_a_disk(place: Address, tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path, seeds=2)
    ended = run("rayal.sweep", sweep, "--no-report", "--out", place)
    assert ended.returncode == 0, ended.stdout
    assert sweeps.run(sweep, tmp_path / "disk", "--local").returncode == 0
    sweeps.assert_same_results(copied(place, tmp_path / "copy"), tmp_path / "disk")
    assert any((tmp_path / "cache" / "runs").iterdir())
