"""What belongs to the whole process is for each component what it was for the first.

A component may change more than it returns: the working directory, how NumPy treats a division by
zero, the environment, handlers of signals. What runs after it in the same process would compute
otherwise, or end otherwise, than in a process of its own. Global random generators begin at each
call at a seed of its own, so that a component that draws from them draws the same whatever ran
before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rayal.process_state.interpreter import limits, standard_streams, warning_filters
from rayal.process_state.numerical_libraries import faiss_threads, numpy_errors, torch_defaults
from rayal.process_state.process import (
    environment,
    file_mode,
    locale_names,
    signals,
    working_directory,
)
from rayal.process_state.random_generators import generator_states, seed_generators
from rayal.process_state.undo import Undo


@contextmanager
def process_state_kept(*names: str | int) -> Iterator[None]:
    """Put back, after the body, what it has changed of the process.

    A child that a component forks, and that comes back as if it were the parent, ends here.

    Args:
        names: what the seed of the global random generators is made of, as in `rayal.seeds`.
    """
    owner = os.getpid()
    undo = [keep() for keep in _KEEPERS]
    seed_generators(*names)
    try:
        yield
    finally:
        if os.getpid() != owner:
            _end_child(sys.exc_info()[1])
        _put_back(undo)


@contextmanager
def places_kept() -> Iterator[None]:
    """Put back the working directory and the standard streams alone.

    A plugin that is imported may set the rest, such as the environment, for all that comes after.
    """
    undo = [standard_streams(), working_directory()]
    try:
        yield
    finally:
        _put_back(undo)


def _put_back(undo: Sequence[Undo]) -> None:
    for put_back in reversed(undo):
        put_back()


def _end_child(error: BaseException | None) -> None:
    code = error.code if isinstance(error, SystemExit) else int(error is not None)
    os._exit(code if isinstance(code, int) else int(code is not None))


_KEEPERS: tuple[Callable[[], Undo], ...] = (
    generator_states,
    numpy_errors,
    torch_defaults,
    faiss_threads,
    limits,
    warning_filters,
    standard_streams,
    working_directory,
    environment,
    locale_names,
    file_mode,
    signals,
)
