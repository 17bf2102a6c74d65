"""The training loop of momentum contrast, a batch of image indices at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from rayal.encoders._moco.batch_norm import RunningStatistics
from rayal.encoders._moco.model import MomentumContrast
from rayal.encoders._moco.monitoring import EarlyAccuracy
from rayal.encoders._moco.process_group import ALONE, Team
from rayal.encoders._training.checkpoints import Kept, Randomness, Stateful
from rayal.encoders._training.dataset_map import MapRecords, confidence
from rayal.encoders._training.progress import Pace, diverged
from rayal.encoders._training.schedule import Schedule
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

    def skip(self, n: int) -> None:
        """Draw the views of n images and make none: another process does."""
        H, W = self.images.shape[2:]
        draws.draw(n, (H, W), self.recipe, self.generator)


@dataclass(frozen=True)
class Pretraining:
    """All that a step of training reads and changes.

    micro_batch: images that go through the networks at once, at most; the gradients of a batch's
    parts are added up before the step. Keys, queue and map are those of the whole batch; batch
    norm alone sees a part at a time.
    team: processes that share the parts of each batch. All draw the same random numbers and take
    the same steps, so each has the weights, queue and map that one process would have that took
    all parts in turn; the first alone writes them down.
    """

    contrast: MomentumContrast
    views: Views
    schedule: Schedule
    records: MapRecords
    optimiser: torch.optim.Optimizer
    micro_batch: int | None = None
    team: Team = ALONE

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
        self.team.agree(self.contrast.tensors())
        for epoch in range(done, self.schedule.epochs):
            try:
                self._train(epoch, pace)
            except FloatingPointError as error:
                raise FloatingPointError(f"{error}{kept.place()}") from None
            if self.team.rank == 0:
                kept.keep(epoch + 1, last=epoch + 1 == self.schedule.epochs)
            early.look(epoch + 1, self.schedule.epochs)

    def step(self, batch: torch.Tensor) -> torch.Tensor:
        """Train on one batch (n,) of indices and return the loss, left on the device."""
        self.optimiser.zero_grad(set_to_none=True)
        parts = self._parts(batch)
        rows = [sum(map(len, mine)) for mine in self._shares(parts)]
        with self._statistics.of_batch():
            losses, queries, keys = self._of_parts(parts, len(batch))
        self.team.add_up([losses, *(w.grad for w in self._weights if w.grad is not None)])
        queries, keys = self.team.joined(queries, rows), self.team.joined(keys, rows)
        self.optimiser.step()
        self.contrast.follow()
        self.contrast.enqueue(keys)
        self._record(batch.to(keys.device), queries, keys, rows)
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

    @cached_property
    def _statistics(self) -> RunningStatistics:
        return RunningStatistics(self.contrast.query, self.team)

    @cached_property
    def _weights(self) -> list[torch.nn.Parameter]:
        return list(self.contrast.query.parameters())

    def _of_parts(
        self, parts: tuple[torch.Tensor, ...], of: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Add the gradients of this process's parts of a batch `of` images."""
        mine, found = self.team.share(len(parts)), []
        for number, part in enumerate(parts):
            if number in mine:
                found.append(self._accumulate(part, len(part) / of))
            else:
                self.views.skip(2 * len(part))
        losses, queries, keys = (torch.cat(each) for each in zip(*found, strict=True))
        return losses, queries, keys

    def _shares(self, parts: tuple[torch.Tensor, ...]) -> list[tuple[torch.Tensor, ...]]:
        """Return the parts of each process."""
        shares = [Team(rank, self.team.size).share(len(parts)) for rank in range(self.team.size)]
        return [parts[share.start : share.stop] for share in shares]

    def _record(
        self, batch: torch.Tensor, queries: torch.Tensor, keys: torch.Tensor, rows: list[int]
    ) -> None:
        """Record the map of a batch; each process works out the pairs that it made."""
        start = sum(rows[: self.team.rank])
        mine = slice(start, start + rows[self.team.rank])
        found = confidence(queries, keys, batch, self.records.taus, mine)
        self.records.add(batch, self.team.joined(found, rows))

    def _accumulate(
        self, part: torch.Tensor, share: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Add the gradients of a part that makes up that share of its batch.

        Returns its share of the loss (1,), its queries and its keys (m, d).
        """
        view1, view2 = self.views.of(part.repeat(2)).chunk(2)
        with self._statistics.of_part():
            loss, queries, keys = self.contrast.compare(view1, view2)
        torch.autograd.backward(loss * share)
        return loss.detach()[None] * share, queries, keys

    def _parts(self, batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Split into parts of alike size, as many for each process; none too small for batch norm.

        The schedule has no batch of less than two images for each process.
        """
        size, n = self.team.size, len(batch)
        each = 1 if self.micro_batch is None else -(-n // (self.micro_batch * size))
        return batch.tensor_split(size * min(each, n // (2 * size)))

    def _some(self) -> tuple[torch.Tensor, ...]:
        """Draw up to 1,024 images, in batches no larger than the networks are given at once."""
        some = torch.randperm(self.schedule.N, generator=self.views.generator)[:_CALIBRATION]
        most = self.micro_batch or -(-self.schedule.batch_size // self.team.size)
        return some.tensor_split(-(-len(some) // most))
