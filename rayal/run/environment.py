"""What a result was computed with: versions of packages, the state of the source."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

from rayal.run.gpus import driver_version

PACKAGES = ("rayal", "torch", "numpy", "scikit-learn", "faiss-cpu", "faiss-gpu", "ray")


@cache
def versions() -> dict[str, str]:
    """Versions of what determines results, by package; packages that are absent are left out."""
    installed = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            installed[package] = importlib.metadata.version(package)
    return installed


def computed_with() -> dict[str, str]:
    """Versions of what determines a result, and the GPU that this process has used, if any.

    A GPU rounds otherwise than a CPU, and by its generation; k-means on one (faiss-gpu, from 2^26
    numbers on) may end at other centers.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return versions()
    half = torch.cuda.is_bf16_supported(including_emulation=False)
    tf32 = torch.backends.cudnn.allow_tf32
    return {
        **versions(),
        "gpu": torch.cuda.get_device_name(),
        "driver": driver_version() or "unknown",
        "cuda": str(torch.version.cuda),
        "precision": f"{'bf16' if half else 'float32'} unless asked otherwise, "
        f"float32 trains with {'TF32' if tf32 else 'float32'} convolutions",
    }


def commit() -> dict[str, str]:
    """The state of the source as {"commit": ...}, where it is a git checkout."""
    folder = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=folder, capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": described.stdout.strip()}
