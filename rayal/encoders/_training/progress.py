"""How far pre-training is, how fast it goes, and whether its loss is still a number."""

from __future__ import annotations

import math
import time

import torch

from rayal.contracts import Progress
from rayal.encoders._training.schedule import Schedule

_SECONDS = 2.0  # between two reports within an epoch


class Pace:
    """Adds up the losses of an epoch on the device; reading one earlier would wait for it."""

    def __init__(self, schedule: Schedule, progress: Progress) -> None:
        self._schedule = schedule
        self._progress = progress
        self._start_epoch()
        self._reported = time.perf_counter()
        self._last: dict[str, float] = {}
        self._added: dict[str, float] = {}

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

    def add(self, name: str, value: float) -> None:
        """Repeat the last report with one more number, which later reports have too."""
        self._added[name] = value
        self._progress({**self._last, **self._added})
        self._start_epoch()  # what was done for that number is no part of the speed

    def _report(self, epoch: float, lr: float) -> None:
        loss = float(torch.stack(self._losses).mean())
        if not math.isfinite(loss):
            raise diverged("the loss", math.ceil(epoch), str(loss), lr)
        self._reported = time.perf_counter()
        speed = self._images / (self._reported - self._began)
        told = {"epoch": epoch, "epochs": self._schedule.epochs, "loss": loss}
        self._last = {**told, "images_per_second": speed}
        self._progress({**self._last, **self._added})


def diverged(what: str, epoch: int, found: str, lr: float) -> FloatingPointError:
    """Return the error of a pre-training that cannot go on, with the ways out."""
    return FloatingPointError(
        f"{what} of epoch {epoch} is {found} at learning rate {lr:.3g}; "
        "lower base_lr, raise warmup_epochs or raise temperature"
    )
