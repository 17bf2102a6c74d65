"""The training loop of momentum contrast, a batch of image indices at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from rayal.encoders.contrast import MomentumContrast
from rayal.encoders.dataset_map import MapRecords, confidence
from rayal.encoders.early import EarlyAccuracy
from rayal.encoders.pace import Pace, diverged
from rayal.encoders.resume import Kept, Randomness, Stateful
from rayal.encoders.schedule import Schedule
from rayal.vision import augment, draws

_CALIBRATION = 1024  # images that the first batch-norm statistics are taken from


class Views:
    """Random views of images (N, channels, H, W) that stay on the device as uint8."""

    def __init__(
        self, images: torch.Tensor, recipe: draws.Recipe, generator: torch.Generator
    ) -> None:
        self.images = images
        self.recipe = recipe
        self.generator = generator

    def of(self, batch: torch.Tensor) -> torch.Tensor:
        """Return a random view (n, channels, H, W) of each image of a batch (n,) of indices."""
        images = self.images[batch.to(self.images.device)]
        H, W = images.shape[2:]
        drawn = draws.draw(len(images), (H, W), self.recipe, self.generator)
        return augment.augment(images, drawn.to(images.device), self.recipe)


@dataclass(frozen=True)
class Pretraining:
    """All that a step of training reads and changes.

    micro_batch: images that go through the networks at once, at most; the gradients of a batch's
    parts are added up before the step. Keys, queue and map are those of the whole batch; batch
    norm alone sees a part at a time.
    """

    contrast: MomentumContrast
    views: Views
    schedule: Schedule
    records: MapRecords
    optimiser: torch.optim.Optimizer
    micro_batch: int | None = None

    def run(self, pace: Pace, early: EarlyAccuracy, folder: Path | None) -> None:
        """Train for all epochs that are not done yet, recording the map on the way.

        Raises:
            FloatingPointError: the loss is no longer finite; what was kept of earlier epochs
                stays in the folder.
            ValueError: the folder holds what training cannot go on from.
        """
        kept = self._kept(folder)
        done = kept.restore()
        if done == 0:
            self.contrast.calibrate(self.views.of(some) for some in self._some())
        for epoch in range(done, self.schedule.epochs):
            try:
                self._train(epoch, pace)
            except FloatingPointError as error:
                raise FloatingPointError(f"{error}{kept.place()}") from None
            kept.keep(epoch + 1, last=epoch + 1 == self.schedule.epochs)
            early.look(epoch + 1, self.schedule.epochs)

    def step(self, batch: torch.Tensor) -> torch.Tensor:
        """Train on one batch (n,) of indices and return the loss, left on the device."""
        self.optimiser.zero_grad(set_to_none=True)
        found = [self._accumulate(part, len(part) / len(batch)) for part in self._parts(batch)]
        losses, queries, keys = (torch.cat(each) for each in zip(*found, strict=True))
        self.optimiser.step()
        self.contrast.follow()
        self.contrast.enqueue(keys)
        batch = batch.to(keys.device)
        self.records.add(batch, confidence(queries, keys, batch, self.records.taus))
        return losses.sum()

    def _kept(self, folder: Path | None) -> Kept:
        parts: dict[str, Stateful] = {
            "contrast": self.contrast,
            "optimiser": self.optimiser,
            "map": self.records,
            "random": Randomness(self.views.generator),
        }
        return Kept(folder, "contrast", parts)

    def _train(self, epoch: int, pace: Pace) -> None:
        for within, batch in enumerate(self.schedule.batches(self.views.generator)):
            lr = self.schedule.lr(epoch * self.schedule.steps_per_epoch + within)
            self.optimiser.param_groups[0]["lr"] = lr
            pace.stepped(epoch, within, self.step(batch), len(batch), lr)
        if not self.contrast.is_finite():  # the step after a finite loss may have done it
            raise diverged("a weight", epoch + 1, "not finite", lr)

    def _accumulate(
        self, part: torch.Tensor, share: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Add the gradients of a part that makes up that share of its batch.

        Returns its share of the loss (1,), its queries and its keys (m, d).
        """
        view1, view2 = self.views.of(part.repeat(2)).chunk(2)
        loss, queries, keys = self.contrast.compare(view1, view2)
        torch.autograd.backward(loss * share)
        return loss.detach()[None] * share, queries, keys

    def _parts(self, batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Split into parts of alike size; none is too small for batch norm."""
        if self.micro_batch is None:
            return (batch,)
        parts = min(-(-len(batch) // self.micro_batch), len(batch) // 2)
        return batch.tensor_split(parts)

    def _some(self) -> tuple[torch.Tensor, ...]:
        """Draw up to 1,024 images, in batches no larger than the networks are given at once."""
        some = torch.randperm(self.schedule.N, generator=self.views.generator)[:_CALIBRATION]
        most = self.micro_batch or self.schedule.batch_size
        return some.tensor_split(-(-len(some) // most))
