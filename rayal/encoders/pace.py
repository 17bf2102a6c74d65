"""How far pre-training is, how fast it goes, and whether its loss is still a number."""

from __future__ import annotations

import math
import time

import torch

from rayal.contracts import Progress
from rayal.encoders.schedule import Schedule

_SECONDS = 2.0  # between two reports within an epoch


class Pace:
    """Adds up the losses of an epoch on the device; reading one earlier would wait for it."""

    def __init__(self, schedule: Schedule, progress: Progress) -> None:
        self._schedule = schedule
        self._progress = progress
        self._start_epoch()
        self._reported = time.perf_counter()

    def _start_epoch(self) -> None:
        self._began = time.perf_counter()
        self._losses: list[torch.Tensor] = []
        self._images = 0

    def stepped(self, epoch: int, within: int, loss: torch.Tensor, images: int, lr: float) -> None:
        """Count a step, the `within`-th of this epoch, and report when it is time to.

        Raises:
            FloatingPointError: the mean loss of the epoch is not finite.
        """
        self._losses.append(loss)
        self._images += images
        last = within + 1 == self._schedule.steps_per_epoch
        if last or time.perf_counter() - self._reported >= _SECONDS:
            self._report(epoch + (within + 1) / self._schedule.steps_per_epoch, lr)
        if last:
            self._start_epoch()

    def _report(self, epoch: float, lr: float) -> None:
        loss = float(torch.stack(self._losses).mean())
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss of epoch {math.ceil(epoch)} is {loss} at learning rate {lr:.3g}; "
                "lower base_lr, raise warmup_epochs or raise temperature"
            )
        self._reported = time.perf_counter()
        speed = self._images / (self._reported - self._began)
        told = {"epoch": epoch, "epochs": self._schedule.epochs, "loss": loss}
        self._progress({**told, "images_per_second": speed})
