"""A component that calls `os._exit` ends its trial, not the run.

`os._exit(0)` skips all that Python does at an end: the command would stop with exit status 0 and a
part of its trials done. It is not called by accident alone: scripts that were run as processes end
with it, and libraries leave by it where they think that they are alone.
"""

from __future__ import annotations

import os
import posix
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


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
