"""Several processes that train as one: what they send one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

_PATIENCE = timedelta(minutes=30)  # rank 0 does other things between two epochs


@dataclass(frozen=True)
class Team:
    """This process among `size` that hold the same networks; alone unless told otherwise."""

    rank: int = 0
    size: int = 1

    def share(self, parts: int) -> range:
        """Return which of so many parts, a multiple of `size`, are this process's."""
        each = parts // self.size
        return range(self.rank * each, (self.rank + 1) * each)

    def joined(self, mine: torch.Tensor, rows: Sequence[int]) -> torch.Tensor:
        """Return the rows of all processes in their order; rows: how many each one has."""
        if self.size == 1:
            return mine
        padded = mine.new_zeros(max(rows), *mine.shape[1:])
        padded[: len(mine)] = mine
        found = [torch.empty_like(padded) for _ in rows]
        dist.all_gather(found, padded)
        return torch.cat([part[:n] for part, n in zip(found, rows, strict=True)])

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in one message."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        put(flat, tensors)

    def agree(self, tensors: Sequence[torch.Tensor]) -> None:
        """Give all processes the tensors of the first."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.broadcast(flat, src=0)
        put(flat, tensors)


ALONE = Team()


def put(flat: torch.Tensor, tensors: Sequence[torch.Tensor]) -> None:
    """Write what was flattened and joined back into the tensors."""
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view(tensor.shape))


def join(folder: Path, rank: int, size: int) -> Team:
    """Meet the other processes of this machine through a file in the folder; wait for them all."""
    dist.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        init_method=f"file://{folder.resolve() / 'meeting'}",
        rank=rank,
        world_size=size,
        timeout=_PATIENCE,
    )
    return Team(rank, size)


def leave() -> None:
    """End what `join` began."""
    if dist.is_initialized():
        dist.destroy_process_group()
