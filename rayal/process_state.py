"""What belongs to the whole process is for each component what it was for the first.

A component may change more than it returns: the working directory, how NumPy treats a division by
zero, the environment, handlers of signals. What runs after it in the same process would compute
otherwise, or end otherwise, than in a process of its own. Global random generators begin at each
call at a seed of its own, so that a component that draws from them draws the same whatever ran
before.
"""

from __future__ import annotations

import contextlib
import gc
import locale
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from rayal.seeds import generator

Undo: TypeAlias = Callable[[], object]

_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGPIPE")
    if hasattr(signal, name)
)
_STREAMS = {0: "stdin", 1: "stdout", 2: "stderr"}


@contextmanager
def process_state_kept(*names: str | int) -> Iterator[None]:
    """Put back, after the body, what it has changed of the process.

    A child that a component forks, and that comes back as if it were the parent, ends here.

    Args:
        names: what the seed of the global random generators is made of, as in `rayal.seeds`.
    """
    owner = os.getpid()
    undo = [keep() for keep in _KEEPERS]
    _seed_generators(*names)
    try:
        yield
    finally:
        if os.getpid() != owner:
            _end_child(sys.exc_info()[1])
        for put_back in reversed(undo):
            put_back()


@contextmanager
def places_kept() -> Iterator[None]:
    """Put back the working directory and the standard streams alone.

    A plugin that is imported may set the rest, such as the environment, for all that comes after.
    """
    undo = [_standard_streams(), _working_directory()]
    try:
        yield
    finally:
        for put_back in reversed(undo):
            put_back()


def _end_child(error: BaseException | None) -> None:
    code = error.code if isinstance(error, SystemExit) else int(error is not None)
    os._exit(code if isinstance(code, int) else int(code is not None))


# Random generators ---------------------------------------------------------------


def _generators() -> Undo:
    """Keep those on the CPU: libraries of the run, and who calls it, draw from them too."""
    before, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - kept, not drawn from
    torch = sys.modules.get("torch")
    of_torch = torch.default_generator.get_state() if torch else None

    def undo() -> None:
        random.setstate(before)
        np.random.set_state(of_numpy)  # noqa: NPY002
        if torch is not None:
            torch.default_generator.set_state(of_torch)

    return undo


def _seed_generators(*names: str | int) -> None:
    seed = int(generator("global generators", *names).integers(2**32))
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what components draw from it is to be the same
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(seed)


# Numerical libraries -------------------------------------------------------------


def _numpy_errors() -> Undo:
    before, call = np.geterr(), np.geterrcall()

    def undo() -> None:
        np.seterr(**before)
        np.seterrcall(call)

    return undo


def _torch_defaults() -> Undo:
    """Keep what torch takes where nothing is said; one that the body imports has its own."""
    before = _defaults_of(sys.modules.get("torch"))

    def undo() -> None:
        torch = sys.modules.get("torch")
        if torch is None or (now := _defaults_of(torch)) == before:
            return
        wanted = before or {**_torch_at_import(torch), "threads": now["threads"]}
        torch.set_default_dtype(wanted["dtype"])
        torch.set_default_device(None if wanted["device"] == "cpu" else wanted["device"])
        torch.set_grad_enabled(wanted["gradients"])
        torch.set_num_threads(wanted["threads"])
        torch.set_float32_matmul_precision(wanted["precision"])
        torch.use_deterministic_algorithms(wanted["deterministic"], warn_only=wanted["warn_only"])

    return undo


def _defaults_of(torch: Any) -> dict[str, Any]:
    if torch is None:
        return {}
    return {
        "dtype": torch.get_default_dtype(),
        "device": str(torch.get_default_device()),
        "gradients": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
    }


def _torch_at_import(torch: Any) -> dict[str, Any]:
    return {
        "dtype": torch.float32,
        "device": "cpu",
        "gradients": True,
        "precision": "highest",
        "deterministic": False,
        "warn_only": False,
    }


def _faiss_threads() -> Undo:
    faiss: Any = sys.modules.get("faiss")
    before = faiss.omp_get_max_threads() if hasattr(faiss, "omp_get_max_threads") else 0

    def undo() -> None:
        if before and faiss.omp_get_max_threads() != before:
            faiss.omp_set_num_threads(before)

    return undo


# The interpreter -----------------------------------------------------------------


def _recursion() -> Undo:
    before, collects = sys.getrecursionlimit(), gc.isenabled()

    def undo() -> None:
        sys.setrecursionlimit(before)
        if gc.isenabled() != collects:
            (gc.enable if collects else gc.disable)()

    return undo


def _warning_filters() -> Undo:
    before, show = list(warnings.filters), warnings.showwarning

    def undo() -> None:
        warnings.showwarning = show
        if list(warnings.filters) != before:
            warnings.resetwarnings()  # what was said once is to be said again
            warnings.filters[:] = before  # type: ignore[index]

    return undo


def _standard_streams() -> Undo:
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


# The process ---------------------------------------------------------------------


def _working_directory() -> Undo:
    """Relative paths mean the same before and after."""
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


def _environment() -> Undo:
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


def _locale() -> Undo:
    before = locale.setlocale(locale.LC_ALL)

    def undo() -> None:
        if locale.setlocale(locale.LC_ALL) != before:
            locale.setlocale(locale.LC_ALL, before)

    return undo


def _file_mode() -> Undo:
    mask = _mask_at_first()
    return lambda: os.umask(mask)


@cache
def _mask_at_first() -> int:
    """Return the process's mask of file modes, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _signals() -> Undo:
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


_KEEPERS: tuple[Callable[[], Undo], ...] = (
    _generators,
    _numpy_errors,
    _torch_defaults,
    _faiss_threads,
    _recursion,
    _warning_filters,
    _standard_streams,
    _working_directory,
    _environment,
    _locale,
    _file_mode,
    _signals,
)
