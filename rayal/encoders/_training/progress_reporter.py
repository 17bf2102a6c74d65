"""How far pre-training is, how fast it goes, and whether its loss is still a number."""

from __future__ import annotations

import math
import time

import torch

from rayal.contracts import Progress
from rayal.encoders._training.schedule import PretrainingSchedule

_SECONDS_PER_REPORT = 2.0  # within an epoch


class ProgressReporter:
    """Adds up the losses of an epoch on the device; reading one earlier would wait for it."""

    def __init__(self, schedule: PretrainingSchedule, progress: Progress) -> None:
        self._schedule = schedule
        self._progress = progress
        self._start_epoch()
        self._reported = time.perf_counter()
        self._last_report: dict[str, float] = {}
        self._metrics: dict[str, float] = {}

    def _start_epoch(self) -> None:
        self._began = time.perf_counter()
        self._losses: list[torch.Tensor] = []
        self._images = 0

    def on_step(self, epoch: int, step: int, loss: torch.Tensor, images: int, lr: float) -> None:
        """Count a step, and report when it is time to.

        Args:
            epoch: counted from 0.
            step: of this epoch, counted from 0.
            loss: a scalar, left on the device.
            images: in the batch.
            lr: learning rate, for the message where the loss is no number.

        Raises:
            FloatingPointError: the mean loss of the epoch is not finite.
        """
        self._losses.append(loss)
        self._images += images
        is_last = step + 1 == self._schedule.steps_per_epoch
        if is_last or time.perf_counter() - self._reported >= _SECONDS_PER_REPORT:
            self._report(epoch + (step + 1) / self._schedule.steps_per_epoch, lr)
        if is_last:
            self._start_epoch()

    def add_metric(self, name: str, value: float) -> None:
        """Repeat the last report with one more number, which later reports have too."""
        self._metrics[name] = value
        self._progress({**self._last_report, **self._metrics})
        self._start_epoch()  # the time spent on that number is no part of the speed

    def _report(self, epoch: float, lr: float) -> None:
        loss = float(torch.stack(self._losses).mean())
        if not math.isfinite(loss):
            raise divergence_error("the loss", math.ceil(epoch), str(loss), lr)
        self._reported = time.perf_counter()
        speed = self._images / (self._reported - self._began)
        report = {"epoch": epoch, "epochs": self._schedule.epochs, "loss": loss}
        self._last_report = {**report, "images_per_second": speed}
        self._progress({**self._last_report, **self._metrics})


def divergence_error(what: str, epoch: int, value: str, lr: float) -> FloatingPointError:
    """Return the error of a pre-training that cannot go on, with the ways out."""
    return FloatingPointError(
        f"{what} of epoch {epoch} is {value} at learning rate {lr:.3g}; "
        "lower base_lr, raise warmup_epochs or raise temperature"
    )
