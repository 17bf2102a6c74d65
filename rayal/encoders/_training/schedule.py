"""Which images each step of pre-training sees, and its learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # at run time where it is needed: a plan does without
    import torch


@dataclass(frozen=True)
class PretrainingSchedule:
    """E epochs, each of every one of N images `repeats` times (Hoffer et al. 2020).

    Raises:
        ValueError: an epoch has one image, or the warm-up leaves no epoch.
    """

    N: int
    repeats: int
    batch_size: int
    epochs: int
    warmup_epochs: int
    base_lr: float

    def __post_init__(self) -> None:
        if self.samples < 2:
            raise ValueError(f"N={self.N} images cannot be contrasted; at least 2 are needed")
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs} must be below epochs={self.epochs}; "
                "lower the one or raise the other"
            )

    @property
    def samples(self) -> int:
        """Images trained on in an epoch, repetitions counted."""
        return self.N * self.repeats

    @property
    def steps_per_epoch(self) -> int:
        """One more than fits the images exactly, unless a batch of a single image came of it."""
        return min(-(-self.samples // self.batch_size), self.samples // 2)

    @property
    def smallest_batch(self) -> int:
        """Images in the smallest step."""
        return self.samples // self.steps_per_epoch

    @property
    def peak_lr(self) -> float:
        """base_lr * batch / 256; a batch is never larger than an epoch."""
        return self.base_lr * min(self.batch_size, self.samples) / 256

    def batches(self, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        """Draw the batches of one epoch, (n,) image indices each, repetitions never stored.

        Sizes differ by one at most: no image is left out, no batch is too small for batch norm,
        and every record of the dataset map has as many negatives as any other.
        """
        import torch

        order = torch.randperm(self.samples, generator=generator) % self.N
        return order.tensor_split(self.steps_per_epoch)

    def lr(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0: linear warm-up, a cosine to 0."""
        warmup = self.warmup_epochs * self.steps_per_epoch
        if step < warmup:
            return self.peak_lr * (step + 1) / warmup
        rest = self.epochs * self.steps_per_epoch - warmup
        return self.peak_lr * 0.5 * (1 + math.cos(math.pi * (step - warmup) / rest))
