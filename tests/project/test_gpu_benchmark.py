"""The benchmark of a GPU, in its dry form."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def test_the_dry_form_passes_its_own_checks_and_keeps_its_figures(tmp_path: Path) -> None:
    kept = tmp_path / "gpu.json"
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--dry", "--json", str(kept)],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr[-3000:]
    found = json.loads(kept.read_text())
    assert found["dry"]
    assert all(found["passed"].values())
    assert {"augmentation rgb as on a CPU", "features as on a CPU"} <= found["passed"].keys()
    assert found["figures"]["two processes, two epochs, s"] > 0
    assert found["figures"]["moco small_cnn imagenet 28 px, 64, images/s"] > 0
