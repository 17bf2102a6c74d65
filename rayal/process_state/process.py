"""What a process has of its own: folder, environment, locale, mode of new files, signals."""

from __future__ import annotations

import locale
import os
import signal
import threading
import time
from functools import cache

from rayal.process_state.undo import Undo

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGPIPE)


def working_directory() -> Undo:
    """Keep the working directory: relative paths mean the same before and after."""
    before = _current()

    def undo() -> None:
        if before and _current() != before:
            os.chdir(before)

    return undo


def _current() -> str:
    """Return the working directory, "" where it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109 - as text, which is compared at every call
    except FileNotFoundError:
        return ""


def environment() -> Undo:
    """Keep the environment variables, and the time zone that one of them sets."""
    before = dict(os.environb)

    def undo() -> None:
        now = dict(os.environb)
        if now == before:
            return
        for name in now.keys() - before.keys():
            del os.environb[name]
        os.environb.update({n: text for n, text in before.items() if now.get(n) != text})
        if now.get(b"TZ") != before.get(b"TZ"):
            time.tzset()

    return undo


def locale_names() -> Undo:
    """Keep the locale of each category."""
    before = locale.setlocale(locale.LC_ALL)

    def undo() -> None:
        if locale.setlocale(locale.LC_ALL) != before:
            locale.setlocale(locale.LC_ALL, before)

    return undo


def file_mode() -> Undo:
    """Keep the mask of the modes of new files."""
    mask = _mask_at_first()
    return lambda: os.umask(mask)


@cache
def _mask_at_first() -> int:
    """Return the process's mask of file modes, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def signals() -> Undo:
    """Keep handlers, and what is held back; a timer that the body has set does not go off."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    timed = signal.getitimer(signal.ITIMER_REAL)[0] > 0

    def undo() -> None:
        if not timed:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)

    return undo
