"""Processes that work beside this one, as many as there are CPUs and memory for.

By loky: they start without running the user's script anew, take functions that pickle refuses, and
end by themselves when they have had nothing to do.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from functools import cache, partial
from importlib import import_module
from importlib.machinery import PathFinder
from pickle import PicklingError
from pkgutil import iter_modules
from typing import Any, TypeVar

from rayal.doctor.checks.cpus import allowed_cpus
from rayal.doctor.checks.memory import usable_memory

T = TypeVar("T")
MOST = 4  # processes
MEMORY = 500_000_000  # bytes available for each, of which it takes half
IDLE = 60.0  # seconds without work, after which they end
UNSENT = (BrokenProcessPool, PicklingError)  # the work never reached a process, or that is lost


@contextlib.contextmanager
def at_hand() -> Iterator[None]:
    """Start processes before the body, and end them after it: by themselves they take seconds."""
    start()
    try:
        yield
    finally:
        _end()


def start(*libraries: str) -> None:
    """Let processes start and import what figures take, and libraries, so that work finds it ready.

    One process after another: what is computed meanwhile, here or by a training, keeps a CPU.
    """
    turns, executor = iter(range(number_of_processes())), _executor()

    def next_turn(ended: Future[None] | None = None) -> None:
        lost = ended is not None and (ended.cancelled() or ended.exception() is not None)
        if lost or next(turns, None) is None:
            return
        with contextlib.suppress(RuntimeError):  # at the end of this process none is started
            if (begun := _send(executor, _import, libraries)) is not None:
                begun.add_done_callback(next_turn)

    next_turn()


def computed_beside(function: Callable[..., T], *arguments: Any) -> Callable[[], T]:
    """Return a function that gives function(*arguments), which another process works out once.

    Where there is no other CPU or little memory, or the work cannot be sent, it is done when it is
    asked for.
    """
    future = _submit(function, *arguments)
    return cache(partial(_result, future, function, arguments))


def _submit(function: Callable[..., T], *arguments: Any) -> Future[T] | None:
    """Send work to a process; None where there is none, or none can be started."""
    return _send(_executor(), function, *arguments)


def _send(
    executor: Executor | None, function: Callable[..., T], *arguments: Any
) -> Future[T] | None:
    with contextlib.suppress(OSError, *UNSENT):  # no more processes
        return None if executor is None else executor.submit(function, *arguments)
    return None


def _result(future: Future[T] | None, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    if future is not None:
        with contextlib.suppress(*UNSENT):
            return future.result()
    return function(*arguments)


def _end() -> None:
    """End the processes; work that they have begun is lost."""
    executor: Any = _executor()
    if executor is not None:
        executor.shutdown(kill_workers=True)


def _import(libraries: Iterable[str]) -> None:
    """Import all that draws figures, and libraries."""
    figures = import_module("analysis.figures")
    modules = (f"{figures.__name__}.{module.name}" for module in iter_modules(figures.__path__))
    for name in (*modules, *libraries):
        import_module(name)


def _executor() -> Executor | None:
    """Return the processes of this thread, for loky keeps some for each; None where none start."""
    if not (processes := number_of_processes()):
        return None
    with contextlib.suppress(ImportError, OSError):  # no semaphores
        from loky import get_reusable_executor

        executor: Executor = get_reusable_executor(
            processes, timeout=IDLE, initializer=_ignore_ctrl_c
        )
        return executor
    return None


@cache
def number_of_processes() -> int:
    """How many work beside this one, 0 or from 2 on.

    Said once, before they start: they take memory themselves, and another number would end them.
    """
    most = min(allowed_cpus(), MOST, usable_memory().available // MEMORY)
    return most if most > 1 and _is_found_by_others() else 0


def _is_found_by_others() -> bool:
    """Whether a process that imports this package gets it, and no other of its name."""
    package = __name__.partition(".")[0]
    spec = PathFinder.find_spec(package)
    return spec is not None and spec.origin == __import__(package).__file__


def _ignore_ctrl_c() -> None:
    """Leave it to this process, which ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
