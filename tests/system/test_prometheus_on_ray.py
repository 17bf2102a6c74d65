"""The time series of a real sweep on a real Ray, as a real Prometheus reads them."""

import json
import math
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from rayal.events.prometheus import BEST, FAILURES, METRICS, TRIALS
from rayal.run.batches import LARGEST_BATCH
from tests import sweeps
from tests.dashboard import BOARD, exported, panels

pytestmark = pytest.mark.slow

Labels = tuple[tuple[str, str], ...]
SLOW_TRIALS = 6000  # more than are run while anybody looks
TRIALS_IN_ALL = 2 + 1 + SLOW_TRIALS
TRAINED = '''
import time
from pathlib import Path

from rayal.contracts import encoder
from rayal.registry import ENCODERS


@encoder()
def trained(dataset, rng, progress):
    """Train until it is told to end, for ten minutes at the most; then give the pixels."""
    for epoch in range(600):
        progress({"epoch": epoch, "epochs": 600, "loss": 1.0, "images_per_second": 120.0})
        time.sleep(1)
        if Path(__file__).with_name("end_training").exists():
            break
    return ENCODERS.find("pixels").function(dataset, rng, progress, views=0, flip=False)
'''
AGENT = {"RAY_metrics_report_interval_ms": "3000"}  # between two exports; Ray's own is 10 s


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    process = start(tmp_path_factory.mktemp("sweep"))
    if not shutil.which("prometheus"):
        end_training(process)  # nobody watches
    yield process
    assert process.poll() is None, "it ended before it was looked at"
    ours = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    _, alive = psutil.wait_procs(ours, timeout=20)
    for left in alive:
        left.kill()


class Prometheus:
    """A real one, that reads a sweep's targets every second."""

    def __init__(self, folder: Path, targets: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        listed = {"files": [str(targets)], "refresh_interval": "1s"}  # its own is 5 minutes
        config = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "ray", "file_sd_configs": [listed]}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))
        with (folder / "output.txt").open("w") as output:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yml",
                 f"--storage.tsdb.path={folder}/data", f"--web.listen-address={self._address}"],
                stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.began = time.time()

    def ask(self, what: str, **parameters: str) -> Any:
        url = f"http://{self._address}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        return json.loads(urllib.request.urlopen(url, timeout=10).read())["data"]

    def now(self, expr: str) -> list[tuple[dict[str, str], float]]:
        found = self.ask("query", query=expr.replace("$sweep", ".*"))["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def history(self, expr: str) -> dict[Labels, list[tuple[float, float]]]:
        """Times and values of each series, by its labels, every 2 s since Prometheus began."""
        span = {"start": str(self.began), "end": str(time.time()), "step": "2"}
        found = self.ask("query_range", query=expr.replace("$sweep", ".*"), **span)["result"]
        return {
            tuple(sorted(series["metric"].items())): [(at, float(v)) for at, v in series["values"]]
            for series in found
        }


@pytest.fixture(scope="module")
def prometheus(
    running: subprocess.Popen[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    if not shutil.which("prometheus"):
        pytest.skip("there is no prometheus on this machine: apt-get install prometheus")
    targets = wait_until(running, lambda: discovery(running))
    reads = Prometheus(tmp_path_factory.mktemp("prometheus"), targets)
    yield reads
    reads.process.terminate()
    reads.process.wait(timeout=30)


@pytest.mark.slow
def test_the_pace_of_an_encoder_is_seen_while_it_trains_and_is_zero_after(
    running: subprocess.Popen[str], prometheus: Prometheus
) -> None:
    """The first of these tests: the encoder trains until it has been seen."""
    pace = 'sum(ray_rayal_images_per_second{encoder="trained"})'
    wait_until(running, lambda: prometheus.now(f"{pace} == 120"))
    end_training(running)
    wait_until(running, lambda: prometheus.now(f"{pace} == 0"))


@pytest.mark.slow
def test_ray_shows_a_running_sweep_to_prometheus(running: subprocess.Popen[str]) -> None:
    wanted = {exported(metric) for metric in METRICS}
    series = wait_for(running, wanted)
    states = {s[1]["state"]: s[2] for s in series if s[0] == exported(TRIALS)}
    assert sum(states.values()) == TRIALS_IN_ALL
    assert states["failed"] == 1
    assert 1 <= states["running"] <= 2 * LARGEST_BATCH
    [failures] = [s for s in series if s[0] == exported(FAILURES)]
    assert failures[1]["error"] == "ZeroDivisionError"
    assert {s[1]["strategy"] for s in series if s[0] == exported(BEST)} >= {"random"}
    assert all(s[1]["sweep"] == "small" for s in series)


@pytest.mark.slow
def test_every_panel_of_the_dashboard_has_what_a_real_prometheus_answers(
    running: subprocess.Popen[str], prometheus: Prometheus
) -> None:
    wait_for(running, {exported(metric) for metric in METRICS})
    wait_until(running, lambda: prometheus.now('ray_rayal_trials{state="failed"} == 1'))
    wait_until(running, lambda: all(prometheus.now(expr) for expr, _ in panels()))
    [(_, done)] = ask_panel(prometheus, "Done")
    assert 0 < done < 1
    [(_, left)] = ask_panel(prometheus, "Time left")
    assert 0 < left < math.inf
    assert ask_panel(prometheus, "Failed") == [({"sweep": "small"}, 1)]
    states = ask_panel(prometheus, "Trials by state")
    assert sum(value for _, value in states) == TRIALS_IN_ALL
    assert {"stage": "encode"} in [stage for stage, _ in ask_panel(prometheus, "Time worked")]
    assert prometheus.ask("label/sweep/values", **{"match[]": exported(TRIALS)}) == ["small"]


@pytest.mark.slow
def test_a_value_that_does_not_change_stays_on_the_dashboard(
    running: subprocess.Popen[str], prometheus: Prometheus
) -> None:
    """Ray forgets a gauge that was not set for two of its intervals: 6 s here."""
    best = 'ray_rayal_best_auc{strategy="random"}'  # of two trials, which end early
    [seen] = wait_until(running, lambda: prometheus.history(best)).values()
    wait_until(running, lambda: time.time() > seen[0][0] + 15)
    wait_until(running, lambda: prometheus.now(best))


def ask_panel(prometheus: Prometheus, title: str) -> list[tuple[dict[str, str], float]]:
    [panel] = [p for p in BOARD["panels"] if p["title"].startswith(title)]
    return prometheus.now(panel["targets"][0]["expr"])


def wait_until(running: subprocess.Popen[str], found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 400
    while True:
        try:
            if it := found():
                return it
        except OSError:  # it does not answer yet
            pass
        assert running.poll() is None, "the sweep ended before it was looked at"
        assert time.monotonic() < deadline
        time.sleep(1)


HEALTH = "http://127.0.0.1:52365/api/local_raylet_healthz"  # the Dockerfile's HEALTHCHECK


@pytest.mark.slow
def test_the_health_of_a_running_sweep_is_told_without_a_token(
    running: subprocess.Popen[str],
) -> None:
    wait_for(running, set())
    ports = {
        connection.laddr.port
        for child in psutil.Process(running.pid).children(recursive=True)
        for connection in child.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    if 52365 not in ports:
        pytest.skip("another Ray on this machine has had the port; in a container there is none")
    assert urllib.request.urlopen(HEALTH, timeout=10).read() == b"success"


def start(folder: Path) -> subprocess.Popen[str]:
    (folder / "trained.py").write_text(TRAINED)
    slow = {"name": "slow", "seconds": 0.2}
    sweep = sweeps.write_sweep(
        folder, plugins=["plugin.py", "trained.py"], encoders=["trained"], budgets=[10],
        strategies=["random", "poisoned", slow],
        seeds={"random": 2, "poisoned": 1, "slow": SLOW_TRIALS},
    )  # fmt: skip
    with (folder / "output.txt").open("w") as output:
        return subprocess.Popen(
            sweeps.command(sweep, folder / "run"), stdout=output, stderr=subprocess.STDOUT,
            text=True, env={**sweeps.environment(), **AGENT}, cwd=folder, start_new_session=True,
        )  # fmt: skip


def end_training(process: subprocess.Popen[str]) -> None:
    assert isinstance(process.args, list)
    Path(str(process.args[3])).with_name("end_training").touch()


Series = tuple[str, dict[str, str], float]


def wait_for(process: subprocess.Popen[str], wanted: set[str]) -> list[Series]:
    deadline = time.monotonic() + 400
    while True:
        series = scrape(process)
        told = any(s[1].get("state") == "failed" and s[2] == 1 for s in series)
        if told and {s[0] for s in series} >= wanted:
            return series
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(1)


def scrape(process: subprocess.Popen[str]) -> list[Series]:
    """Read rayal's series from every target that Ray names to Prometheus."""
    from prometheus_client.parser import text_string_to_metric_families

    return [
        (sample.name, sample.labels, sample.value)
        for target in targets(process)
        for family in text_string_to_metric_families(read(f"http://{target}/metrics"))
        for sample in family.samples
        if sample.name.startswith("ray_rayal_")
    ]


def targets(process: subprocess.Popen[str]) -> list[str]:
    listed = discovery(process)
    named: list[str] = json.loads(listed.read_text())[0]["targets"] if listed else []
    return named


def discovery(process: subprocess.Popen[str]) -> Path | None:
    """The file in which Ray names its nodes to Prometheus."""
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            found = re.search(r"--temp[-_]dir=(\S+)", " ".join(child.cmdline()))
        except psutil.Error:
            continue
        listed = Path(found[1]) / "prom_metrics_service_discovery.json" if found else None
        if listed and listed.exists():
            return listed
    return None


def read(url: str) -> str:
    try:
        text: str = urllib.request.urlopen(url, timeout=10).read().decode()
    except OSError:  # listed, and not there yet
        return ""
    return text
