"""How far a long reading of files has come: a bar on a terminal, else a line every 10 %."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

QUIET_SECONDS = 2.0  # what is over sooner is not worth a line

Item = TypeVar("Item")


def with_progress(
    items: Iterable[Item], total: int, what: str, images: int | None = None
) -> Iterator[Item]:
    """Yield the items, `total` of them, and show on standard error how many have come.

    images: in all of them; None: each is one.
    """
    console = Console(stderr=True)
    if console.is_terminal:
        yield from track(items, description=what, total=total, console=console, transient=True)
    else:
        yield from _with_lines(items, total, what, total if images is None else images)


def _with_lines(items: Iterable[Item], total: int, what: str, images: int) -> Iterator[Item]:
    started, shown = time.monotonic(), 0
    for number, item in enumerate(items, start=1):
        yield item
        tenths = 10 * number // total
        if tenths > shown and time.monotonic() - started > QUIET_SECONDS:
            shown = tenths
            print(f"{what}: {10 * tenths} % of {images:,} images", file=sys.stderr, flush=True)
