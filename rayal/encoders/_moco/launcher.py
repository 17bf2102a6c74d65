"""Starts the worker processes that share one training, and ends them whatever happens.

A worker is `python -m rayal.encoders._moco.worker`: a fresh interpreter that inherits no threads
and runs nothing of the program that asked for it. All work on one machine.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from rayal.contracts import Images
from rayal.encoders._moco.process_group import (
    SINGLE_PROCESS,
    ProcessGroup,
    abort_process_group,
    destroy_process_group,
    init_process_group,
)
from rayal.encoders._moco.settings import MocoSeeds, MocoSettings
from rayal.storage.scratch import scratch_folder

JOB, IMAGES, LOG = "job.pickle", "images", "member-{}.log"
READY = "ready-{}"
_SECONDS_BETWEEN_LOOKS = 1.0  # at whether the workers live
_GRACE_SECONDS = 60.0  # that a worker has to end after the last epoch


@dataclass(frozen=True)
class MappedImages:
    """Where images (N, H, W, channels) lie in a file, one after another from a byte on."""

    path: Path
    start: int
    shape: tuple[int, ...]

    def open(self) -> Images:
        return np.memmap(self.path, np.uint8, "r", self.start, self.shape)


@dataclass(frozen=True)
class WorkerJob:
    """What a worker needs to know besides its rank."""

    images: MappedImages
    settings: MocoSettings
    seeds: MocoSeeds
    threads: int
    checkpoint_dir: Path | None


@contextlib.contextmanager
def launch_workers(
    images: Images, settings: MocoSettings, seeds: MocoSeeds, checkpoint_dir: Path | None
) -> Iterator[ProcessGroup]:
    """Train as the first of `settings.processes`; the others run as long as this lasts.

    The threads of this process are shared out among all. Where there are GPUs, each process takes
    one of those that this process sees.

    Args:
        images: (N, H, W, channels); mapped by all workers from the file that they are mapped from
            here, or from one that they are written to.
        settings: of the training; 1 process starts no worker.
        seeds: of the training.
        checkpoint_dir: folder that the training is resumed from.

    Raises:
        ValueError: there are fewer GPUs than processes.
        RuntimeError: a worker stopped.
    """
    if settings.processes == 1:
        yield SINGLE_PROCESS
        return
    check_gpus(settings.processes)
    threads = max(1, torch.get_num_threads() // settings.processes)
    with scratch_folder() as folder, _limited_threads(threads):
        job = WorkerJob(_mapped(images, folder), settings, seeds, threads, checkpoint_dir)
        (folder / JOB).write_bytes(pickle.dumps(job))
        workers: list[subprocess.Popen[bytes]] = []
        with _ended(folder, workers):
            for rank in range(1, settings.processes):
                workers.append(_start(folder, rank, threads))
            _wait_until_ready(folder, workers)
            group = init_process_group(folder, 0, settings.processes)
            with _watched(workers):
                yield group
            destroy_process_group()  # before the workers' end: NCCL's waits for every process
            for worker in workers:
                with contextlib.suppress(subprocess.TimeoutExpired):  # all epochs are done
                    worker.wait(_GRACE_SECONDS)


def check_gpus(processes: int) -> None:
    """Raise ValueError where there are GPUs, but fewer than processes, or slices of one."""
    gpus = torch.cuda.device_count()
    if processes > 1 and "MIG-" in os.environ.get("CUDA_VISIBLE_DEVICES", ""):
        raise ValueError(
            f"processes={processes} need whole GPUs, and this stage has slices of one (MIG), which "
            "NCCL cannot join: give processes=1, or nodes without MIG"
        )
    if 0 < gpus < processes:
        raise ValueError(
            f"processes={processes} needs a GPU for each, and this stage sees {gpus}; "
            f"give resources.pretrain.gpus: {processes}, or processes={gpus}"
        )


@contextlib.contextmanager
def _limited_threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _ended(folder: Path, workers: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """End the workers and the process group; of a worker that stopped raise its error."""
    try:
        yield
    except RuntimeError as error:
        _raise_worker_error(folder, workers, error)
        raise
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            if worker.stdin:
                worker.stdin.close()
        abort_process_group()
        destroy_process_group()


@contextlib.contextmanager
def _watched(workers: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Abort the process group as soon as a worker dies: NCCL would wait for it half an hour."""
    over, aborted = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(_SECONDS_BETWEEN_LOOKS):
            if any(worker.poll() for worker in workers):  # an exit status other than 0
                if abort_process_group():
                    aborted.set()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    error: Exception | None = None
    try:
        yield
    except Exception as raised:
        if not aborted.is_set():
            raise
        error = raised  # whatever the next operation made of it
    finally:
        over.set()
        watcher.join()
    if aborted.is_set():
        raise RuntimeError("a process of the training stopped") from error


def _mapped(images: Images, folder: Path) -> MappedImages:
    """Return where images are mapped from already, or write them into the folder."""
    base: object = images.base  # a part of a mapped array states the offset of the whole
    is_whole_map = isinstance(base, mmap.mmap) and images.flags.c_contiguous
    if is_whole_map and isinstance(images, np.memmap) and images.filename:
        return MappedImages(Path(images.filename), images.offset, images.shape)
    path = folder / IMAGES
    with path.open("wb") as file:
        np.ascontiguousarray(images).tofile(file)
    return MappedImages(path, 0, images.shape)


def _start(folder: Path, rank: int, threads: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OMP_NUM_THREADS": str(threads),
    }
    command = [sys.executable, "-m", "rayal.encoders._moco.worker", str(folder), str(rank)]
    with (folder / LOG.format(rank)).open("wb") as log:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
        )


def _wait_until_ready(folder: Path, workers: Sequence[subprocess.Popen[bytes]]) -> None:
    waiting = set(range(1, len(workers) + 1))
    while waiting:
        waiting = {rank for rank in waiting if not (folder / READY.format(rank)).exists()}
        if any(workers[rank - 1].poll() is not None for rank in waiting):
            raise RuntimeError("a process of the training could not start")
        time.sleep(0.02)


def _raise_worker_error(
    folder: Path, workers: Sequence[subprocess.Popen[bytes]], error: RuntimeError
) -> None:
    """Raise an error that names the first worker that stopped, where one did."""
    for rank, worker in enumerate(workers, start=1):
        with contextlib.suppress(subprocess.TimeoutExpired):
            if worker.wait(1):
                log = (folder / LOG.format(rank)).read_text(errors="replace").strip()
                last = log.splitlines()[-1] if log else "it left no message; memory may be short"
                raise RuntimeError(
                    f"process {rank + 1} of {len(workers) + 1} stopped with exit status "
                    f"{worker.returncode}: {last}"
                ) from error
