"""How many threads numerical libraries use."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_VARIABLE = "OMP_NUM_THREADS"


@contextlib.contextmanager
def limit_threads(threads: int) -> Iterator[None]:
    """Keep the numerical libraries of this thread to this number of threads.

    Two busy processes with two threads each wait for one another 20 to 80 times longer than they
    compute; and sums, hence results, may depend on how many threads add them up. Afterwards they
    have as many as before: the process may be a notebook's.
    """
    import faiss

    torch = sys.modules.get("torch")
    variable, of_faiss = os.environ.get(_VARIABLE), faiss.omp_get_max_threads()
    of_torch = torch.get_num_threads() if torch else 0
    try:
        os.environ[_VARIABLE] = str(threads)  # for libraries that are imported later
        faiss.omp_set_num_threads(threads)
        if torch is not None:
            torch.set_num_threads(threads)
        with _thread_pools(len(sys.modules)).limit(limits=threads):
            yield
    finally:
        _set_variable(variable)
        faiss.omp_set_num_threads(of_faiss)
        if torch is not None:
            torch.set_num_threads(of_torch)


def _set_variable(value: str | None) -> None:
    if value is None:
        os.environ.pop(_VARIABLE, None)
    else:
        os.environ[_VARIABLE] = value


@lru_cache(maxsize=1)
def _thread_pools(loaded_modules: int) -> ThreadpoolController:
    """Find the thread pools of the libraries loaded, again when further modules have come."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
