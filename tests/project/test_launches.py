"""Steps on a pretend CUDA device: no tensor is on the wrong one, nothing waits for a transfer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

LOADED = "from benchmarks.pretend_cuda.loading import load; load()"


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one more step costs, by case."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip

    loaded = run("-c", LOADED)
    if "NoPretendCudaError" in loaded.stderr:
        pytest.skip(loaded.stderr.strip().splitlines()[-1])
    counts = tmp_path_factory.mktemp("launches") / "counts.json"
    ended = run("-m", "benchmarks.launches", "--small", "--json", str(counts))
    assert counts.exists(), ended.stderr[-3000:]
    assert ended.returncode in (0, 1), ended.stdout
    found: dict[str, Any] = json.loads(Path(counts).read_text())
    return found


def test_no_step_waits_for_a_transfer(counted: dict[str, Any]) -> None:
    assert {name: cost["blocking"] for name, cost in counted.items() if cost["blocking"]} == {}


def test_the_order_of_colors_costs_a_step_no_groups(counted: dict[str, Any]) -> None:
    parts = next(cost["parts"] for name, cost in counted.items() if name.startswith("moco"))
    assert 0 < parts["augmentation"] <= 150
    assert parts["map"] <= 60
