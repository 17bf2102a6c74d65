"""What a sweep withstands: each fault struck once on real nodes, and the audit that would tell."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks import hosts
from benchmarks.compare_runs import RecordWatcher, compare
from tests import sweeps

pytestmark = pytest.mark.slow


def written(out: Path, trial: str, auc: float, seconds: float = 1.0) -> None:
    rows = [{"auc": auc, "selected": [3, 1], "train_seconds": seconds}]
    (out / "records").mkdir(parents=True, exist_ok=True)
    (out / "records" / f"{trial}.json").write_text(json.dumps({"rounds": rows}))


def told(out: Path, *events: dict[str, Any]) -> None:
    (out / "log.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events))


STARTED = {"event": "trials_started", "trials": ["a", "b"]}


def test_the_comparison_accepts_what_differs_in_seconds_alone(tmp_path: Path) -> None:
    for out, seconds in ((tmp_path / "ours", 1.0), (tmp_path / "theirs", 2.0)):
        written(out, "a", 0.5, seconds)
        written(out, "b", float("nan"), seconds)
    done = [{"event": "trial_done", "trial": trial} for trial in "ab"]
    told(tmp_path / "ours", STARTED, STARTED, {"event": "trials_started", "trials": ["a"]}, *done)
    comparison = compare(tmp_path / "ours", tmp_path / "theirs", set())
    assert comparison.is_clean
    assert (comparison.trials, comparison.again) == (2, 3)


def test_the_comparison_names_the_lost_the_failed_the_doubled_and_the_differing(
    tmp_path: Path,
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for trial in "abc":
        written(theirs, trial, 0.5)
    written(ours, "a", 0.5)
    written(ours, "b", 0.5000000001)
    (ours / "failures").mkdir()
    (ours / "failures" / "c.log").touch()
    told(ours, STARTED, *[{"event": "trial_done", "trial": "a"}] * 2)
    comparison = compare(ours, theirs, {"b"})
    assert not comparison.is_clean
    assert (comparison.lost, comparison.failed, comparison.differing) == ({"c"}, {"c"}, {"b"})
    assert comparison.doubled == {"a", "b"}


def test_the_watcher_counts_starts_and_knows_the_end(tmp_path: Path) -> None:
    watcher = RecordWatcher(tmp_path)
    assert (watcher.starts(), watcher.has_ended()) == (0, False)
    told(tmp_path, STARTED, {"event": "sweep_ended", "how": "interrupted"}, STARTED)
    assert (watcher.starts(), watcher.has_ended()) == (2, False)
    told(tmp_path, STARTED, {"event": "sweep_ended", "how": "finished"})
    assert (watcher.starts(), watcher.has_ended()) == (1, True)


def test_a_record_written_again_is_seen_even_with_the_same_content(tmp_path: Path) -> None:
    watcher = RecordWatcher(tmp_path)
    written(tmp_path, "a", 0.5)
    assert watcher.look() == 1
    assert watcher.rewritten == set()
    content = (tmp_path / "records" / "a.json").read_text()
    (tmp_path / "records" / "again").write_text(content)
    (tmp_path / "records" / "again").replace(tmp_path / "records" / "a.json")
    assert watcher.look() == 1
    assert watcher.rewritten == {"a"}


@pytest.mark.slow
@pytest.mark.skipif(not hosts.can_enter(), reason="this system gives no namespaces")
@pytest.mark.parametrize(
    "faults",
    [
        ["encoder-node", "trial-node", "leave-return", "partition"],
        ["driver", "head"],
    ],
)
def test_a_sweep_on_a_cluster_withstands(faults: list[str]) -> None:
    chosen = [f"--fault={fault}" for fault in faults]
    with tempfile.TemporaryDirectory(prefix="ch-", ignore_cleanup_errors=True) as folder:
        ended = subprocess.run(
            [sys.executable, "-m", "benchmarks.chaos", *chosen, "--together", "--strikes=1",
             "--trials=40", "--workers=2", "--partition=5", "--limit=500", f"--keep={folder}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=560,
            env=sweeps.environment(), cwd=sweeps.ROOT, check=False,
        )  # fmt: skip
        told = (Path(folder) / "together" / "driver.txt").read_text()
    assert ended.returncode == 0, ended.stdout
    for fault in faults:
        named = "training-node" if fault == "encoder-node" else fault
        assert re.search(rf"^{named} at \d+ records", ended.stdout, re.MULTILINE), ended.stdout
    line = rf"^together \| {len(faults)} \| \d+ \| 40 \| \d+ \| 0 \| 0 \| 0 \| 0 \| 0$"
    assert re.search(line, ended.stdout, re.MULTILINE), ended.stdout
    assert "a worker process died" not in told
