"""The Ray layer, with a real Ray started by each command as a user would."""

import contextlib
import ipaddress
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

import analysis
from analysis import summary_rows
from tests import sweeps

pytestmark = pytest.mark.slow

MOCO = {
    "name": "moco", "backbone": "small_cnn", "epochs": 2, "batch_size": 256, "queue": 512,
    "warmup_epochs": 1, "augmentation": "grey",
}  # fmt: skip
CYCLES = {
    "initial": ["random", "hacon"],
    "strategies": [{"name": "entropy", "scored_by": "knn"}, "k_center"],
    "cycles": {"start": 10, "step": 5, "rounds": 3},
    "seeds": 1,
}


@pytest.fixture(scope="module")
def real_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training of an encoder, its map, single queries and cycles."""
    folder = tmp_path_factory.mktemp("real")
    queries = ["random", "kmeans", "k_center", "hacon", {"name": "kmeans", "select_on": "pixels"}]
    single = {"strategies": queries, "budgets": [10], "seeds": 2}
    ground = dict.fromkeys(("strategies", "budgets", "seeds"))
    parts = {"single": single, "cycles": CYCLES}
    return sweeps.write_sweep(folder, encoders=[MOCO], parts=parts, **ground)


@pytest.fixture(scope="module")
def undisturbed(real_sweep: Path) -> Path:
    out = real_sweep.parent / "local"
    ended = sweeps.run(real_sweep, out, "--local")
    assert ended.returncode == 0, ended.stdout
    return out


@pytest.mark.parametrize("cpus", [1, 2])
def test_ray_gives_what_a_local_run_gives(real_sweep: Path, undisturbed: Path, cpus: int) -> None:
    out = real_sweep.parent / f"ray{cpus}"
    ended = sweeps.run(real_sweep, out, "--set", f"resources.machine_cpus={cpus}")
    assert ended.returncode == 0, ended.stdout
    assert "14 of 14 trials done, 0 failed" in ended.stdout
    assert "Ray dashboard: http://127.0.0.1:" in ended.stdout
    sweeps.assert_same_results(out, undisturbed)


def start(sweep: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    """Start a sweep in a process group of its own, its output in a file beside the run."""
    with (out.parent / f"{out.name}.txt").open("w") as said:
        return subprocess.Popen(
            sweeps.command(sweep, out, *options), stdout=said, stderr=subprocess.STDOUT,
            text=True, env=sweeps.environment(), cwd=out.parent, start_new_session=True,
        )  # fmt: skip


def wait_for_records(out: Path, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 600  # of a machine that is busy with other work
    while len(list((out / "records").glob("[!.]*.json"))) < count:
        assert process.poll() is None, (out.parent / f"{out.name}.txt").read_text()
        assert time.monotonic() < deadline, (out.parent / f"{out.name}.txt").read_text()
        time.sleep(0.02)


def end_tree(pids: list[int]) -> None:
    """Wait for the Ray that a killed driver started to go; end what is left of it."""
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(left, timeout=20)
    for process in alive:
        process.kill()


def family(process: subprocess.Popen[Any]) -> list[int]:
    return [child.pid for child in psutil.Process(process.pid).children(recursive=True)]


def slow_sweep(folder: Path, strategy: str = "slow") -> Path:
    cycles = {"initial": [strategy], "cycles": {"start": 10, "step": 5, "rounds": 3}}
    single = {"strategies": [strategy, "random"], "budgets": [10, 20]}
    ground = dict.fromkeys(("strategies", "budgets"))
    parts = {"single": single, "cycles": {**cycles, "strategies": ["entropy"]}}
    return sweeps.write_sweep(folder, plugins=["plugin.py"], parts=parts, seeds=8, **ground)


def test_a_killed_driver_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    sweep, out, whole = slow_sweep(tmp_path), tmp_path / "run", tmp_path / "whole"
    process = start(sweep, out)
    wait_for_records(out, 8, process)
    ours = family(process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    end_tree(ours)
    kept = {p: p.stat().st_mtime_ns for p in (out / "records").glob("[!.]*.json")}
    assert 8 <= len(kept) < 40
    again = sweeps.run(sweep, out)
    assert again.returncode == 0, again.stdout
    assert re.search(rf"40 trials, {len(kept)} done already", again.stdout)
    after = {p: p.stat().st_mtime_ns for p in (out / "records").glob("[!.]*.json")}
    assert kept.items() <= after.items()
    assert len(after) == 40
    assert sweeps.run(sweep, whole, "--local").returncode == 0
    sweeps.assert_same_results(out, whole)
    pd.testing.assert_frame_equal(summary(out), summary(whole))


def summary(run: Path) -> pd.DataFrame:
    """The report's table, without seconds."""
    rows = summary_rows(analysis.load(run))
    return rows[[name for name in rows if "seconds" not in name]]


@pytest.mark.usefixtures("heard_hangup")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_driver_ends_with_130_and_its_ray(
    tmp_path: Path, number: signal.Signals
) -> None:
    sweep, out = slow_sweep(tmp_path), tmp_path / "run"
    process = start(sweep, out)
    wait_for_records(out, 4, process)
    ours = family(process)
    process.send_signal(number)
    assert process.wait(timeout=60) == 130, (tmp_path / "run.txt").read_text()
    assert "of 40 trials are kept; go on with:" in (tmp_path / "run.txt").read_text()
    _, alive = psutil.wait_procs(
        [psutil.Process(pid) for pid in ours if psutil.pid_exists(pid)], timeout=30
    )
    assert not alive
    assert len(sweeps.records(out)) >= 4


def test_a_lost_worker_and_a_lost_encoder_actor_are_replaced(tmp_path: Path) -> None:
    deadly = {"name": "deadly", "marker": str(tmp_path / "died-once")}
    sweep = sweeps.write_sweep(
        tmp_path,
        plugins=["plugin.py"],
        strategies=["slow", deadly],
        seeds={"slow": 8, "default": 2},
    )
    process = start(sweep, tmp_path / "run")
    wait_for_records(tmp_path / "run", 1, process)
    [actor] = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "EncoderActor" in " ".join(child.cmdline())
    ]
    actor.kill()
    assert process.wait(timeout=120) == 0, (tmp_path / "run.txt").read_text()
    assert (tmp_path / "died-once").exists()
    assert len(sweeps.records(tmp_path / "run")) == 20


def test_a_ray_that_ends_the_driver_does_so_with_a_word_and_the_sweep_goes_on(
    tmp_path: Path,
) -> None:
    """Its raylet ends when its agent does, and Ray then ends the driver, without unwinding it."""
    sweep, out, said = slow_sweep(tmp_path), tmp_path / "run", tmp_path / "run.txt"
    process = start(sweep, out)
    wait_for_records(out, 2, process)
    ours = family(process)
    [agent] = [pid for pid in ours if "RuntimeEnvAgent" in " ".join(psutil.Process(pid).cmdline())]
    os.kill(agent, signal.SIGKILL)
    assert process.wait(timeout=600) != 0
    end_tree(ours)
    assert "rayal: " in said.read_text()
    assert "what is finished is kept" in said.read_text() or "go on with:" in said.read_text()
    again = sweeps.run(sweep, out, "--local")
    assert again.returncode == 0, again.stdout
    assert "40 of 40 trials done" in again.stdout


def test_a_trial_that_always_kills_its_worker_and_one_that_raises_fail_alone(
    tmp_path: Path,
) -> None:
    sweep = sweeps.write_sweep(
        tmp_path, plugins=["plugin.py"], strategies=["random", "deadly", "poisoned"],
        budgets=[10], seeds={"random": 4, "default": 1}, encoders=["pixels", "broken"],
    )  # fmt: skip
    out = tmp_path / "run"
    ended = sweeps.run(sweep, out)
    assert ended.returncode == 1, ended.stdout
    assert "4 of 12 trials done, 8 failed" in ended.stdout
    logs = sorted((out / "failures").iterdir())
    assert sum(str(log) in ended.stdout for log in logs) == len(("broken", "deadly", "poisoned"))
    assert ": ValueError: encoder 'broken' gave NaN or infinite features for 1 of" in ended.stdout
    told = " ".join(log.read_text() for log in logs)
    assert "its worker process died 4 times" in told
    assert "ZeroDivisionError: the poison" in told


def test_data_that_kill_whatever_reads_them_fail_their_trials_and_the_sweep_ends(
    tmp_path: Path,
) -> None:
    deadly = {"name": "deadly_data", "planner": os.getpid()}
    sweep = sweeps.write_sweep(
        tmp_path, plugins=["plugin.py"], datasets=["digits", deadly], strategies=["random"],
        budgets=[10], seeds=2,
    )  # fmt: skip
    ended = sweeps.run(sweep, tmp_path / "run")
    assert ended.returncode == 1, ended.stdout
    assert "2 of 4 trials done, 2 failed" in ended.stdout
    assert "its encoder process died 4 times" in ended.stdout


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    strategies = [{"name": "slow", "seconds": 3.0}]
    sweep = sweeps.write_sweep(tmp_path, plugins=["plugin.py"], strategies=strategies, seeds=20)
    process = start(sweep, tmp_path / "run")
    yield process
    ours = family(process)
    process.terminate()
    process.wait(timeout=60)
    end_tree(ours)


def test_only_loopback_is_listened_on_and_a_private_token_is_needed(
    tmp_path: Path, running: subprocess.Popen[str]
) -> None:
    wait_for_records(tmp_path / "run", 1, running)
    hosts = {
        ipaddress.ip_address(connection.laddr.ip.removeprefix("::ffff:"))
        for pid in [running.pid, *family(running)]
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert hosts == {ipaddress.ip_address("127.0.0.1")}
    said = re.search(
        r"(http://127.0.0.1:\d+) \(.*token in (\S+)\)", (tmp_path / "run.txt").read_text()
    )
    assert said
    assert stat.S_IMODE(Path(said[2]).stat().st_mode) == 0o600
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{said[1]}/api/version", timeout=10)
    assert refused.value.code == 401
    token = Path(said[2]).read_text().strip()
    request = urllib.request.Request(
        f"{said[1]}/api/version", headers={"Authorization": f"Bearer {token}"}
    )
    assert urllib.request.urlopen(request, timeout=10).status == 200
    jobs = urllib.request.Request(
        f"{said[1]}/api/v0/actors?detail=true", headers={"Authorization": f"Bearer {token}"}
    )
    actors = urllib.request.urlopen(jobs, timeout=30).read().decode()
    assert "encoder-digits-pixels-" in actors
    assert '"repr_name": "trials of ' in actors


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A Ray head of its own, as an administrator starts it: its address and environment."""
    (tmp_path / "token").write_text("0" * 64)
    (tmp_path / "token").chmod(0o600)
    settings = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token"),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="rh-", ignore_cleanup_errors=True) as folder:
        head = start_head(port, folder, tmp_path / "head.txt", settings)
        yield f"127.0.0.1:{port}", settings
        ours = family(head)
        head.terminate()
        head.wait(timeout=60)
        end_tree(ours)


def start_head(
    port: int, folder: str, said: Path, settings: dict[str, str]
) -> subprocess.Popen[bytes]:
    """Start a head until it has said that it runs: its port listens long before.

    A busy machine may let it miss Ray's 30 s for a start; it is started again then.
    """
    for _ in range(5):
        with said.open("w") as output:
            head = subprocess.Popen(
                [
                    sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block",
                    f"--port={port}", f"--temp-dir={folder}", "--num-cpus=2",
                    "--include-dashboard=false", "--node-ip-address=127.0.0.1",
                ],
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                env={**sweeps.environment(), **settings, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        while head.poll() is None:
            if "Ray runtime started" in said.read_text():
                return head
            time.sleep(0.2)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(head.pid, signal.SIGKILL)  # what it has left listens at the port
    raise AssertionError(said.read_text())


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_running_cluster_is_joined_and_left_running(
    tmp_path: Path, cluster: tuple[str, dict[str, str]]
) -> None:
    address, settings = cluster
    ended = subprocess.run(
        sweeps.command(sweeps.write_sweep(tmp_path), tmp_path / "run", "--address", address),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
        env={**sweeps.environment(), **settings}, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
    assert len(sweeps.records(tmp_path / "run")) == 12
    assert answers(int(address.split(":")[1]))


def test_resources_that_no_node_has_are_refused(tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path)
    refused = sweeps.run(sweep, tmp_path / "run", "--set", "resources.trial.gpus=7")
    assert refused.returncode == 2, refused.stdout
    assert "this machine cannot run the sweep: GPU: " in refused.stdout
    assert "7 for the largest piece of work" in refused.stdout
    assert sweeps.records(tmp_path / "run") == {}


def test_an_address_without_a_token_is_refused_at_once(tmp_path: Path) -> None:
    environment = {**sweeps.environment(), "HOME": str(tmp_path)}
    refused = subprocess.run(
        sweeps.command(sweeps.write_sweep(tmp_path), tmp_path / "run", "--address", "127.0.0.1:1"),
        capture_output=True, text=True, env=environment, timeout=60, check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "no token for the cluster at '127.0.0.1:1'" in refused.stderr
    assert "RAY_AUTH_TOKEN_PATH" in refused.stderr
