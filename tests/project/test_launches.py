"""Steps on a pretend CUDA device: no tensor is on the wrong one, nothing waits for a transfer."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one more step costs, by case."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}

    counts = tmp_path_factory.mktemp("launches") / "counts.json"
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.launches", "--small", "--json", str(counts)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if "NoPretendCudaError" in ended.stderr:
        pytest.skip(ended.stderr.strip().splitlines()[-1])
    assert counts.exists(), ended.stderr[-3000:]
    found: dict[str, Any] = json.loads(counts.read_text())
    return found


def test_no_step_waits_for_a_transfer(counted: dict[str, Any]) -> None:
    assert {name: cost["blocking"] for name, cost in counted.items() if cost["blocking"]} == {}


def test_small_steps_have_few_launches(counted: dict[str, Any]) -> None:
    """An operation for each layer or group more is ten launches or more in a larger network."""
    most = {
        "moco small_cnn imagenet 28 px, 64": 325,
        "fixmatch small_cnn 16 px, 32 + 224": 160,
        "scratch small_cnn 16 px, 64, crop_flip": 73,
        "scratch small_cnn 16 px, 64, hacon": 89,
    }
    over = {name: counted[name]["launches"] for name in most}
    assert {name: n for name, n in over.items() if n > most[name]} == {}


def test_the_order_of_colors_costs_a_step_no_groups(counted: dict[str, Any]) -> None:
    parts = next(cost["parts"] for name, cost in counted.items() if name.startswith("moco"))
    assert 0 < parts["augmentation"] <= 150
    assert parts["map"] <= 60
