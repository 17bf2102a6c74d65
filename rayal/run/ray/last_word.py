"""A line for the case that the process is ended without being asked.

Ray ends the driver's process at once, without unwinding it and without a word of why, when the
raylet of its node has died or was taken for dead; so does a system that is out of memory. A shell
that waits on a pipe outlives the process, and says so.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator

ENDED = (
    "rayal: this process was ended from outside: by Ray, whose raylet on this machine has died, or "
    "by the system, as where memory runs out; what is finished is kept: run the same command again"
)
_WAIT = 'read -r word || printf "%s\\n" "$0" >&2'  # the pipe is closed without a word


@contextlib.contextmanager
def last_word(text: str = ENDED) -> Iterator[None]:
    """Have a text said on the error stream where this process ends before the body does."""
    try:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", _WAIT, text],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is not for it
        )
    except OSError:  # without a shell there is no last word
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            shell.communicate(b"ended\n")
