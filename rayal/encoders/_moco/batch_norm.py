"""Batch norm's running statistics where several processes share a batch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from rayal.encoders._moco.process_group import ProcessGroup, unflatten_into


class SharedRunningStatistics:
    """Updates a network's statistics as one process would that saw all parts one after another.

    Each part of a batch moves them by r <- (1 - m) r + m s. A process sees its own parts alone, so
    each forward pass starts at the statistics before the batch, r0, and gives r0 + m (s - r0).
    These are gathered, and every process applies m s of all parts in turn. One process alone needs
    none of this: both contexts then do nothing.
    """

    def __init__(self, network: nn.Module, group: ProcessGroup) -> None:
        norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
        self._tensors = [
            tensor for layer in norms for tensor in (layer.running_mean, layer.running_var)
            if tensor is not None
        ]  # fmt: skip
        momenta = [[layer.momentum or 0.0] * 2 * layer.num_features for layer in norms]
        self._momentum = torch.tensor([m for each in momenta for m in each])
        self._group = group
        self._after_parts: list[torch.Tensor] = []

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """Around the parts of one batch, of which each process has as many."""
        if self._group.size == 1:
            yield
            return
        self._before, self._after_parts = self._flat(), []
        yield
        counts = [len(self._after_parts)] * self._group.size
        after_parts = self._group.all_gather(torch.stack(self._after_parts), counts)
        keep = 1 - self._momentum.to(after_parts.device)
        running = self._before
        for after in after_parts:
            running = keep * running + (after - keep * self._before)
        unflatten_into(self._tensors, running)

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """Around the forward pass of one part."""
        if self._group.size == 1:
            yield
            return
        unflatten_into(self._tensors, self._before)
        yield
        self._after_parts.append(self._flat())

    def _flat(self) -> torch.Tensor:
        return torch.cat([tensor.flatten() for tensor in self._tensors])
