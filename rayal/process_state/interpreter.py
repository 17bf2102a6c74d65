"""What Python's interpreter keeps for all code: limits, warnings, standard streams."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import warnings

from rayal.process_state.undo import Undo

_STREAMS = {0: "stdin", 1: "stdout", 2: "stderr"}


def limits() -> Undo:
    """Keep the limit of recursion, and whether garbage is collected."""
    before, collects = sys.getrecursionlimit(), gc.isenabled()

    def undo() -> None:
        sys.setrecursionlimit(before)
        if gc.isenabled() != collects:
            (gc.enable if collects else gc.disable)()

    return undo


def warning_filters() -> Undo:
    """Keep which warnings are shown, and how."""
    before, show = list(warnings.filters), warnings.showwarning

    def undo() -> None:
        warnings.showwarning = show
        if list(warnings.filters) != before:
            warnings.resetwarnings()  # what was said once is to be said again
            warnings.filters[:] = before  # type: ignore[index]

    return undo


def standard_streams() -> Undo:
    """Keep the streams: what is opened where one was closed would get what is printed."""
    objects = {name: getattr(sys, name) for name in _STREAMS.values()}
    kept: dict[int, int] = {}
    for number in _STREAMS:
        with contextlib.suppress(OSError):
            kept[number] = os.dup(number)

    def undo() -> None:
        for number, copy in kept.items():
            if not _is_same_file(number, copy):
                os.dup2(copy, number)
            os.close(copy)
        for number, name in _STREAMS.items():
            stream = objects[name]
            if number in kept and getattr(stream, "closed", False):
                mode = "r" if number == 0 else "w"
                stream = open(number, mode, encoding=stream.encoding, closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)

    return undo


def _is_same_file(number: int, copy: int) -> bool:
    try:
        return os.path.sameopenfile(number, copy)
    except OSError:
        return False
