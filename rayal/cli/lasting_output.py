"""Standard streams that a command outlives: a closed terminal or a full disk ends no run.

Progress is printed by several threads. What is raised there would be taken for the failure of a
trial, or end the thread without a word.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rayal.run.signals import request_stop

_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}


class LastingOutput:
    """Standard output or error, as it is at each call; where it fails, nothing is written any more.

    A run then goes on. It stops, as by a signal, where the reader of a pipe has gone: who closes
    it wants no more. A command that answers at once ends with exit status 1.
    """

    def __init__(self, name: str, *, of_run: bool) -> None:
        """name: stdout or stderr. of_run: whether a run is told of on it, or an answer given."""
        open_closed_streams()
        self._name, self._of_run = name, of_run

    def write(self, text: str) -> int:
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._attempt(lambda: self._stream.flush())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def _stream(self) -> Any:
        stream = getattr(sys, self._name)
        return getattr(stream, "rich_proxied_file", stream)  # beside a live bar

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            _write_nowhere(self._stream)
            if self._name == "stdout":
                self._go_on_without(error)

    def _go_on_without(self, error: OSError) -> None:
        is_closed = isinstance(error, BrokenPipeError)
        if self._of_run or not is_closed:
            stops = ", and the run stops" if is_closed else ""
            _print_to_stderr(
                f"rayal: standard output cannot be written any more: {error.strerror}{stops}"
            )
        if not self._of_run or (is_closed and not request_stop()):
            raise SystemExit(1) from None


def _print_to_stderr(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _write_nowhere(stream: Any) -> None:
    """Let what is written to a stream, and what it still holds, go to /dev/null."""
    with contextlib.suppress(OSError, ValueError):
        _open_null(stream.fileno())


def _open_null(number: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null == number:
        os.set_inheritable(null, True)
        return
    os.dup2(null, number)
    os.close(null)


def open_closed_streams() -> None:
    """Give standard streams that were closed before the start to /dev/null.

    A file that is opened next would get their number, and what a library prints would go into it.
    """
    for number, (name, mode) in enumerate(_MODES.items()):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            _open_null(number)
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
        else:  # some file has it already
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115
        setattr(sys, name, stream)
