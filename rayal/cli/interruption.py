"""How a command ends: one that is stopped says so, whatever it is doing, with exit status 130."""

from __future__ import annotations

import atexit
import functools
import gc
from collections.abc import Sequence
from typing import Protocol

from rayal.cli.terminal import INTERRUPTED, print_error
from rayal.run.signals import interruptible


class Command(Protocol):
    """The `main` of a command."""

    def __call__(self, arguments: Sequence[str] | None = None, *, prog: str = ...) -> int: ...


def stops_with_a_message(command: Command) -> Command:
    """Let SIGINT, SIGTERM and SIGHUP end a command with a line, where it says nothing better."""

    @functools.wraps(command)
    def stopped(arguments: Sequence[str] | None = None, **names: str) -> int:
        atexit.register(gc.freeze)  # else Python looks for cycles in all that it gives back: 1 s
        try:
            with interruptible():
                return command(arguments, **names)
        except KeyboardInterrupt:
            print_error("interrupted; what is finished is kept, and the same command goes on")
            return INTERRUPTED

    return stopped
