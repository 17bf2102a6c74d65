"""Batch norm's running statistics where several processes share a batch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from rayal.encoders._moco.process_group import Team, put


class RunningStatistics:
    """Moves a network's statistics as one process would that saw all parts one after another.

    Each part moves them by r <- (1 - m) r + m s. A process sees its own parts alone, so each is
    begun at the statistics before the batch, r0, and what it leads to is sent around: from
    r0 + m (s - r0) of every part in turn, all processes work out the same course. One process
    alone needs none of this.
    """

    def __init__(self, network: nn.Module, team: Team) -> None:
        norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
        self._tensors = [
            tensor for layer in norms for tensor in (layer.running_mean, layer.running_var)
            if tensor is not None
        ]  # fmt: skip
        momenta = [[layer.momentum or 0.0] * 2 * layer.num_features for layer in norms]
        self._momentum = torch.tensor([m for each in momenta for m in each])
        self._team = team
        self._parts: list[torch.Tensor] = []

    @contextlib.contextmanager
    def of_batch(self) -> Iterator[None]:
        """Around the parts of one batch, of which each process has as many."""
        if self._team.size == 1:
            yield
            return
        self._before, self._parts = self._flat(), []
        yield
        rows = [len(self._parts)] * self._team.size
        parts = self._team.joined(torch.stack(self._parts), rows)
        keep = 1 - self._momentum.to(parts.device)
        found = self._before
        for part in parts:
            found = keep * found + (part - keep * self._before)
        put(found, self._tensors)

    @contextlib.contextmanager
    def of_part(self) -> Iterator[None]:
        """Around the forward pass of one part."""
        if self._team.size == 1:
            yield
            return
        put(self._before, self._tensors)
        yield
        self._parts.append(self._flat())

    def _flat(self) -> torch.Tensor:
        return torch.cat([tensor.flatten() for tensor in self._tensors])
