import contextlib
import os

import faiss
import pytest
import torch
from threadpoolctl import threadpool_info

from rayal.run import threads as thread_limits
from rayal.run.threads import limit_threads


@pytest.mark.parametrize("threads", [1, 2])
def test_every_numerical_library_is_kept_to_the_number_of_threads(threads: int) -> None:
    with limit_threads(threads):
        assert torch.get_num_threads() == threads
        assert faiss.omp_get_max_threads() == threads
        pools = {p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}
        assert pools <= {threads}


@pytest.mark.parametrize("variable", [None, "7"])
def test_afterwards_there_are_as_many_threads_as_before(
    monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if variable is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)

    def state() -> tuple[object, ...]:
        pools = [(pool["filepath"], pool["num_threads"]) for pool in threadpool_info()]
        variable = os.environ.get("OMP_NUM_THREADS")
        return variable, faiss.omp_get_max_threads(), torch.get_num_threads(), sorted(pools)

    faiss.omp_set_num_threads(2)
    torch.set_num_threads(2)
    before = state()
    with limit_threads(1):
        assert state() != before
    assert state() == before


class NoPools:
    """Thread pools where none was found."""

    def limit(self, limits: int) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


@pytest.mark.parametrize("threads", [1, 2])
def test_faiss_and_torch_are_limited_where_their_thread_pools_are_not_found(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_limits, "_thread_pools", lambda modules: NoPools())
    faiss.omp_set_num_threads(3 - threads)
    torch.set_num_threads(3 - threads)
    with limit_threads(threads):
        assert faiss.omp_get_max_threads() == threads
        assert torch.get_num_threads() == threads
        assert os.environ["OMP_NUM_THREADS"] == str(threads)
