"""A piece of work's share of a GPU: what it sees of it, what it must find, and what it may lack."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from types import ModuleType

Sent = TypeVar("Sent")
Asked = TypeVar("Asked")
Returned = TypeVar("Returned")

VISIBLE = "CUDA_VISIBLE_DEVICES"
# Set where nodes have GPUs by name alone, to try out how work is placed: nothing is looked for.
BY_NAME = "RAYAL_GPUS_BY_NAME"
# The oldest NVIDIA driver that runs a major version of CUDA
# (docs.nvidia.com/deploy/cuda-compatibility).
LEAST_DRIVER = {"12": 525, "13": 580}
DRIVER_FILE = Path("/proc/driver/nvidia/version")
PAUSES = (0.0, 5.0, 20.0)  # seconds before each new attempt of what lacked GPU memory
_NO_MEMORY = re.compile(
    r"CUDA out of memory|CUDA error: out of memory|cudaErrorMemoryAllocation"
    r"|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED|StandardGpuResources: alloc fail"
)


class NoGpuError(RuntimeError):
    """Work was given a GPU that PyTorch cannot use."""


def take_share(gpus: float) -> None:
    """Make this process see what its share gives it, and keep to it.

    Ray hides no GPU from work that asked for none (since 2.60), nor does it divide a GPU's memory
    among those that share it. Call it before CUDA is used.

    Args:
        gpus: of the share; 0 hides all, a fraction is one of the card's memory.

    Raises:
        NoGpuError: PyTorch sees no GPU, so that all would be computed on the CPU.
    """
    if gpus == 0:
        os.environ[VISIBLE] = ""
        return
    if os.environ.get(BY_NAME):
        return
    import torch

    if not torch.cuda.is_available():
        raise NoGpuError(_no_gpu(torch))
    if gpus < 1:
        torch.cuda.set_per_process_memory_fraction(gpus)


def driver_version(file: Path | None = None) -> str | None:
    """Return the version of the NVIDIA driver, None where there is none."""
    with contextlib.suppress(OSError):
        match = re.search(r"\s(\d+\.\d+(\.\d+)*)\s", (file or DRIVER_FILE).read_text())
        return match.group(1) if match else None
    return None


def _no_gpu(torch: ModuleType) -> str:
    driver, cuda = driver_version(), torch.version.cuda
    has = f"the NVIDIA driver is {driver}" if driver else "no NVIDIA driver is to be seen"
    if cuda is None:
        needs = f"PyTorch {torch.__version__} was built without CUDA"
        way_out = "install its CUDA build (install.py does, where it finds a GPU)"
    else:
        least = LEAST_DRIVER.get(cuda.partition(".")[0])
        newest = f"driver {least} or later" if least else "a driver of its own time"
        needs = f"PyTorch {torch.__version__} is built for CUDA {cuda}, which needs {newest}"
        way_out = (
            "take an image with such a driver for the node, and run containers with the NVIDIA "
            "runtime (--gpus all)"
        )
    return (
        f"this work was given a GPU, and PyTorch sees none: {has}, and {needs}; {way_out}, or ask "
        "for no GPU: --set resources.pretrain.gpus=0 --set resources.trial.gpus=0"
    )


def release_memory() -> None:
    """Give back the GPU memory that PyTorch keeps for its next use: neighbors may need it."""
    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that a GPU has too little free memory."""
    return isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None


def retried(
    work: Callable[[], Generator[Asked, Sent, Returned]],
) -> Generator[Asked, Sent, Returned]:
    """Run a coroutine anew where a GPU had too little memory: a neighbor may have held it.

    Args:
        work: starts the coroutine; what it draws at random must not depend on earlier attempts.

    Raises:
        RuntimeError: there was too little each time; the message names the ways out.
    """
    for pause in PAUSES:
        try:
            return (yield from work())
        except RuntimeError as error:
            if not lacks_memory(error):
                raise
            _wait_for_neighbors(pause)
    try:
        return (yield from work())
    except RuntimeError as error:
        if not lacks_memory(error):
            raise
        raise RuntimeError(too_little_memory(error)) from error


def call_retried(work: Callable[[], Returned]) -> Returned:
    """Call a function as `retried` runs a coroutine."""

    def coroutine() -> Generator[None, None, Returned]:
        yield from ()  # it asks for nothing
        return work()

    attempts = retried(coroutine)
    try:
        next(attempts)
    except StopIteration as end:
        returned: Returned = end.value
        return returned
    raise AssertionError("the coroutine asks for nothing")


def _wait_for_neighbors(seconds: float) -> None:
    release_memory()
    time.sleep(seconds)


def too_little_memory(error: BaseException) -> str:
    """Return what to do where a GPU's memory does not suffice."""
    return (
        f"{error}\nThe GPU had too little free memory {len(PAUSES) + 1} times: give the work a "
        "larger share of it (resources.trial.gpus, resources.pretrain.gpus), or a smaller "
        "batch_size (of moco: micro_batch, which changes no batch)"
    )
