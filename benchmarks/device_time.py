"""The time of a call whose work may go on at a GPU after it has returned."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch


def seconds_on_device(call: Callable[[], object]) -> float:
    """Return the seconds of one call, to the end of its work on the device."""
    start = time.perf_counter()
    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start
