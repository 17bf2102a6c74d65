"""Several processes that train as one: collective operations, none of which one process needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

_TIMEOUT = timedelta(minutes=30)  # rank 0 does other things between two epochs


@dataclass(frozen=True)
class ProcessGroup:
    """This process among `size` that hold the same networks; a single one unless told otherwise."""

    rank: int = 0
    size: int = 1

    def parts_of(self, rank: int, parts: int) -> range:
        """Return which of so many parts, a multiple of `size`, a process takes."""
        each = parts // self.size
        return range(rank * each, (rank + 1) * each)

    def my_parts(self, parts: int) -> range:
        """Return which of so many parts, a multiple of `size`, this process takes."""
        return self.parts_of(self.rank, parts)

    def all_gather(self, rows: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
        """Return the rows (n, ...) of all processes, joined in their order.

        counts: how many rows each process has.
        """
        if self.size == 1:
            return rows
        padded = rows.new_zeros(max(counts), *rows.shape[1:])
        padded[: len(rows)] = rows
        gathered = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(gathered, padded)
        return torch.cat([part[:n] for part, n in zip(gathered, counts, strict=True)])

    def all_reduce(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor, of any shape, by its sum over all processes, in one message."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        unflatten_into(tensors, flat)

    def broadcast(self, tensors: Sequence[torch.Tensor]) -> None:
        """Give all processes the tensors of the first, of any shape, in one message."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.broadcast(flat, src=0)
        unflatten_into(tensors, flat)


SINGLE_PROCESS = ProcessGroup()


def unflatten_into(tensors: Sequence[torch.Tensor], flat: torch.Tensor) -> None:
    """Write flat (n,), which holds the numbers of all tensors in turn, into them."""
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view(tensor.shape))


def init_process_group(folder: Path, rank: int, size: int) -> ProcessGroup:
    """Meet the other processes of this machine through a file in the folder; wait for them all."""
    dist.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        init_method=f"file://{folder.resolve() / 'meeting'}",
        rank=rank,
        world_size=size,
        timeout=_TIMEOUT,
    )
    return ProcessGroup(rank, size)


def destroy_process_group() -> None:
    """End what `init_process_group` began. With NCCL it waits for all processes to do so."""
    if dist.is_initialized():
        dist.destroy_process_group()


def abort_process_group() -> bool:
    """End it without the other processes, also while this one waits for them in a collective.

    Returns whether there was anything to end: what waits with gloo raises by itself.
    """
    if not (dist.is_initialized() and dist.get_backend() == "nccl"):
        return False
    dist.distributed_c10d._abort_process_group()
    return True
