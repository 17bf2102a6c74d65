"""A component neither ends the process of a command nor keeps it from its end.

One that calls `os._exit` ends its trial, not the run.

`os._exit(0)` skips all that Python does at an end: the command would stop with exit status 0 and a
part of its trials done. It is not called by accident alone: scripts that were run as processes end
with it, and libraries leave by it where they think that they are alone.

One that leaves a thread or a child process that does not end would keep the command for ever:
Python waits for both at its end.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import posix
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, ParamSpec

P = ParamSpec("P")
GRACE = 10.0  # seconds that threads and children have left when a command has done its work

_statuses: list[int] = []  # of the commands that this process has run


class ProcessExitError(Exception):
    """A component asked for the end of the whole process."""


@contextmanager
def exits_are_errors() -> Iterator[None]:
    """Let `os._exit` raise ProcessExitError in the main thread of this process.

    In another thread, where nobody would hear of an exception, the process ends, with a message and
    never with status 0. Processes that a component forks end as they mean to.

    Not caught: an exit in native code, and `os.exec`, which puts another program in our place.
    """
    end, owner = os._exit, os.getpid()

    def raise_or_end(status: int) -> NoReturn:
        if os.getpid() != owner:
            end(status)
        if threading.current_thread() is threading.main_thread():
            raise ProcessExitError(f"os._exit({status}) would have ended the whole run")
        print(f"rayal: a thread ended the process by os._exit({status})", file=sys.stderr)
        sys.stderr.flush()
        end(status or 1)

    os._exit = posix._exit = raise_or_end
    try:
        yield
    finally:
        os._exit = posix._exit = end


def ends_in_time(command: Callable[P, int]) -> Callable[P, int]:
    """Let the process of a command end with its status, whatever components have left running."""

    @functools.wraps(command)
    def watched(*args: P.args, **kwargs: P.kwargs) -> int:
        status = command(*args, **kwargs)
        if not _statuses:
            threading.Thread(target=_end_late_process, daemon=True).start()
        _statuses.append(status)
        return status

    return watched


def _end_late_process() -> None:
    """Wait until Python has begun to end, then end the process if threads or children hold it."""
    main = threading.main_thread()
    main.join()
    time.sleep(GRACE)
    children = multiprocessing.active_children()
    held = [each.name for each in threading.enumerate() if not each.daemon and each is not main]
    if not held and not children:
        return
    names = ", ".join([*held, *(child.name for child in children)])
    print(
        f"rayal: a component has left what does not end ({names}): it is ended with the command",
        file=sys.stderr,
    )
    for child in children:
        child.kill()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(_statuses[-1])
