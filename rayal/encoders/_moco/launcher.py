"""Starts the processes that help one training, and ends them whatever happens.

A member is `python -m rayal.encoders._moco.worker`: a fresh interpreter that inherits no
threads and runs nothing of the program that asked for it. All work on one machine.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from rayal.contracts import Images
from rayal.encoders._moco import process_group as team
from rayal.encoders._moco.process_group import Team
from rayal.encoders._moco.setup import Settings

JOB, IMAGES, LOG = "job.pickle", "images", "member-{}.log"
READY = "ready-{}"
_GRACE = 60.0  # seconds that a member has to end after the last epoch


@dataclass(frozen=True)
class Mapped:
    """Where images (N, H, W, channels) lie in a file, one after another from a byte on."""

    path: Path
    start: int
    shape: tuple[int, ...]

    def open(self) -> Images:
        return np.memmap(self.path, np.uint8, "r", self.start, self.shape)


@dataclass(frozen=True)
class Job:
    """What a member is told. keep: the folder that training goes on from, if any."""

    images: Mapped
    settings: Settings
    size: int
    threads: int
    keep: Path | None


@contextlib.contextmanager
def together(images: Images, settings: Settings, size: int, keep: Path | None) -> Iterator[Team]:
    """Train as one of `size` processes; the others run as long as this lasts.

    The threads of this process are shared out among all. Where there are GPUs, each process takes
    one of those that this process sees.

    Args:
        images: (N, H, W, channels); mapped by all members from the file that they are mapped from
            here, or from one that they are written to.
        settings: of the training.
        size: processes; 1 starts none.
        keep: folder that the training goes on from.

    Raises:
        ValueError: there are fewer GPUs than processes.
        RuntimeError: a member stopped.
    """
    if size == 1:
        yield team.ALONE
        return
    check_gpus(size)
    threads = torch.get_num_threads()
    each = max(1, threads // size)
    with tempfile.TemporaryDirectory(prefix="rayal-") as name:
        folder = Path(name)
        job = Job(_mapped(images, folder), settings, size, each, keep)
        (folder / JOB).write_bytes(pickle.dumps(job))
        members = [_start(folder, rank, each) for rank in range(1, size)]
        try:
            torch.set_num_threads(each)
            _wait_until_ready(folder, members)
            yield team.join(folder, 0, size)
            for member in members:
                member.wait(_GRACE)
        except RuntimeError as error:
            _blame(folder, members, error)
            raise
        finally:
            torch.set_num_threads(threads)
            _end(members)
            team.leave()


def _mapped(images: Images, folder: Path) -> Mapped:
    """Return where images are mapped from already, or write them into the folder."""
    base: object = images.base  # a part of a mapped array states the offset of the whole
    whole = isinstance(base, mmap.mmap) and images.flags.c_contiguous
    if whole and isinstance(images, np.memmap) and images.filename:
        return Mapped(Path(images.filename), images.offset, images.shape)
    path = folder / IMAGES
    with path.open("wb") as file:
        np.ascontiguousarray(images).tofile(file)
    return Mapped(path, 0, images.shape)


def check_gpus(size: int) -> None:
    """Raise ValueError where there are GPUs, but fewer than processes."""
    gpus = torch.cuda.device_count()
    if 0 < gpus < size:
        raise ValueError(
            f"processes={size} needs a GPU for each, and this stage sees {gpus}; "
            f"give resources.pretrain.gpus: {size}, or processes={gpus}"
        )


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


def _wait_until_ready(folder: Path, members: list[subprocess.Popen[bytes]]) -> None:
    waiting = set(range(1, len(members) + 1))
    while waiting:
        waiting = {rank for rank in waiting if not (folder / READY.format(rank)).exists()}
        if any(members[rank - 1].poll() is not None for rank in waiting):
            raise RuntimeError("a process of the training could not start")
        time.sleep(0.02)


def _blame(folder: Path, members: list[subprocess.Popen[bytes]], error: RuntimeError) -> None:
    """Raise an error that names the first member that stopped, where one did."""
    for rank, member in enumerate(members, start=1):
        with contextlib.suppress(subprocess.TimeoutExpired):
            if member.wait(1):
                said = (folder / LOG.format(rank)).read_text(errors="replace").strip()
                last = said.splitlines()[-1] if said else "it left no message; memory may be short"
                raise RuntimeError(
                    f"process {rank + 1} of {len(members) + 1} stopped with exit status "
                    f"{member.returncode}: {last}"
                ) from error


def _end(members: list[subprocess.Popen[bytes]]) -> None:
    for member in members:
        member.kill()
        member.wait()
        if member.stdin:
            member.stdin.close()
