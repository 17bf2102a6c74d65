"""Shares of GPUs, without a GPU."""

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeAlias

import pytest
import torch

from rayal.run import gpus

PROC = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\nGCC 12\n"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "PAUSES", (0.0, 0.0))
    monkeypatch.setenv(gpus.VISIBLE, "0")
    monkeypatch.delenv(gpus.BY_NAME, raising=False)


def test_work_without_a_gpu_sees_none() -> None:
    gpus.take_share(0)
    assert os.environ[gpus.VISIBLE] == ""


def test_work_that_shares_a_gpu_keeps_to_its_part_of_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[float] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", kept.append)
    gpus.take_share(0.25)
    gpus.take_share(1)
    assert kept == [0.25]
    assert os.environ[gpus.VISIBLE] == "0"


def test_a_gpu_that_torch_does_not_see_is_an_error_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpus, "DRIVER_FILE", tmp_path / "version")
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(
        gpus.NoGpuError, match=r"no NVIDIA driver .*built without CUDA; install its"
    ):
        gpus.take_share(0.5)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    (tmp_path / "version").write_text(PROC)
    with pytest.raises(gpus.NoGpuError) as raised:
        gpus.take_share(1)
    for part in ("driver is 570.86.15", "for CUDA 13.0, which needs driver 580", "trial.gpus=0"):
        assert part in str(raised.value)


def test_gpus_by_name_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(gpus.BY_NAME, "1")
    gpus.take_share(1)


Coroutine: TypeAlias = Generator[str, object, str]


def coroutine_that_fails(
    times: int, error: Exception
) -> tuple[Callable[[], Coroutine], list[object]]:
    """Return what starts a coroutine that raises in so many first attempts, and its answers."""
    attempts: list[object] = []

    def start() -> Coroutine:
        attempts.append((yield "a training, please"))
        if len(attempts) <= times:
            raise error
        return "done"

    return start, attempts


def answered(coroutine: Coroutine) -> str:
    try:
        asked = next(coroutine)
        while True:
            assert asked == "a training, please"
            asked = coroutine.send("trained")
    except StopIteration as end:
        return str(end.value)


NO_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    RuntimeError("Error in faiss::gpu::StandardGpuResourcesImpl: StandardGpuResources: alloc fail"),
]


@pytest.mark.parametrize("error", NO_MEMORY)
def test_what_lacked_gpu_memory_is_tried_again(error: Exception) -> None:
    start, attempts = coroutine_that_fails(2, error)
    assert answered(gpus.retried(start)) == "done"
    assert attempts == ["trained"] * 3


def test_a_lasting_lack_of_memory_names_the_ways_out() -> None:
    start, attempts = coroutine_that_fails(99, NO_MEMORY[0])
    with pytest.raises(RuntimeError, match=r"(?s)20.00 MiB.*3 times.*trial.gpus.*micro_batch"):
        answered(gpus.retried(start))
    assert len(attempts) == 3


def test_other_errors_are_not_tried_again() -> None:
    for error in (ValueError("CUDA out of memory"), RuntimeError("mat1 and mat2 cannot be")):
        start, attempts = coroutine_that_fails(1, error)
        with pytest.raises(type(error)):
            answered(gpus.retried(start))
        assert len(attempts) == 1


def test_a_function_is_tried_again_as_a_coroutine_is() -> None:
    calls: list[int] = []

    def work() -> int:
        calls.append(1)
        if len(calls) < 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return len(calls)

    assert gpus.call_retried(work) == 2
