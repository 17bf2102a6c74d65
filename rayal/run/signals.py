"""SIGTERM and SIGHUP are taken as SIGINT is: the run stops at once and says how to go on."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


_asked: list[int] = []  # signals that were heard within the outermost `interruptible`
_within: list[None] = []  # one for each `interruptible` that is entered


class StopRequestedError(KeyboardInterrupt):
    """A signal asks the run to stop; a KeyboardInterrupt that a component raises is none."""


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise StopRequestedError in the main thread on each of STOP_SIGNALS.

    A SIGHUP that is ignored, as under nohup, stays ignored. A child that a component forks ends by
    them as any process does. To be entered again after a library has put handlers of its own in
    place, as Ray does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    owner = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        _asked.append(number)
        raise StopRequestedError

    heard = [s for s in STOP_SIGNALS if s != signal.SIGHUP or not _is_ignored(s)]
    before = {number: signal.signal(number, stop) for number in heard}
    _within.append(None)
    try:
        yield
    finally:
        _within.pop()
        if not _within:
            _asked.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_if_asked() -> None:
    """Raise StopRequestedError again where a signal asked for it and a component went on.

    It may catch everything, and what is raised while an object is finalized is printed, no more.
    """
    if _asked:
        raise StopRequestedError


def request_stop() -> bool:
    """Have the main thread stop as by a signal; return whether it is within `interruptible`."""
    if not _within:
        return False
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    return True


@contextlib.contextmanager
def handlers_kept() -> Iterator[None]:
    """Put back the handlers that a library changes; its SystemExit of SIGTERM is a stop.

    Raises:
        StopRequestedError: the library's handler of SIGTERM has ended the body.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    try:
        yield
    except SystemExit as error:
        if error.code == signal.SIGTERM:
            raise StopRequestedError from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN
