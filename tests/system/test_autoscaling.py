"""A cluster that starts its workers on demand, by Ray's provider for one machine."""

import json
import subprocess
import sys

import pytest

from tests import sweeps

pytestmark = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_cluster_grows_from_nothing_runs_trials_on_every_worker_and_shrinks_back() -> None:
    options = ["--trials", "6", "--seconds", "0"]
    measured = subprocess.run(
        [sys.executable, "-m", "benchmarks.autoscaling", "--json", "--together", *options],
        capture_output=True, text=True, cwd=sweeps.ROOT, env=sweeps.environment(), timeout=1100,
        check=False,
    )  # fmt: skip
    assert measured.returncode == 0, measured.stderr
    timeline = json.loads(measured.stdout)
    assert timeline["status"] == 0, measured.stderr
    assert sum(timeline["trials"].values()) == 6
    assert len(timeline["trials"]) >= 3
    assert len(timeline["came"]) == 3
    assert timeline["gone"] is not None
