"""What a result was computed with: versions of packages, the state of the source."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import subprocess
from functools import cache
from pathlib import Path

PACKAGES = ("rayal", "torch", "numpy", "scikit-learn", "faiss-cpu", "faiss-gpu", "ray")


@cache
def versions() -> dict[str, str]:
    """Versions of what determines results, by package; packages that are absent are left out."""
    installed = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            installed[package] = importlib.metadata.version(package)
    return installed


def commit() -> dict[str, str]:
    """The state of the source as {"commit": ...}, where it is a git checkout."""
    here = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=here, capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": described.stdout.strip()}
