"""CPUs that this process may use."""

from __future__ import annotations

import os


def available_cpus() -> int:
    """Return how many CPUs the process is allowed to use, which may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
