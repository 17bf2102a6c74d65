"""The training loop of momentum contrast, a batch of image indices at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import torch

from rayal.encoders._moco.batch_norm import SharedRunningStatistics
from rayal.encoders._moco.model import MomentumContrast
from rayal.encoders._moco.monitoring import KnnProbe
from rayal.encoders._moco.process_group import SINGLE_PROCESS, ProcessGroup
from rayal.encoders._training.checkpoints import Checkpoint, GeneratorState, Stateful
from rayal.encoders._training.dataset_map import DatasetMapRecorder, confidence
from rayal.encoders._training.progress_reporter import ProgressReporter, divergence_error
from rayal.encoders._training.schedule import PretrainingSchedule
from rayal.vision.augment import augment
from rayal.vision.augmentation_params import AugmentationRanges, sample_params

Parts: TypeAlias = tuple[torch.Tensor, ...]  # of a batch: (m,) image indices each

_CALIBRATION_IMAGES = 1024  # that the first batch-norm statistics are taken from


class RandomViews:
    """Random views of images (N, channels, H, W) that stay on the device as uint8."""

    def __init__(
        self, images: torch.Tensor, ranges: AugmentationRanges, generator: torch.Generator
    ) -> None:
        self.images = images
        self.ranges = ranges
        self.generator = generator

    def of(self, batch: torch.Tensor) -> torch.Tensor:
        """Return a random view (n, channels, H, W) of each image of a batch (n,) of indices."""
        images = self.images[batch.to(self.images.device)]
        H, W = images.shape[2:]
        params = sample_params(len(images), (H, W), self.ranges, self.generator)
        return augment(images, params.to(images.device), self.ranges)

    def skip(self, n: int) -> None:
        """Draw the parameters of n views and make none: another process does."""
        H, W = self.images.shape[2:]
        sample_params(n, (H, W), self.ranges, self.generator)


@dataclass(frozen=True)
class Pretraining:
    """All that a step of training reads and changes.

    micro_batch: images that go through the networks at once, at most; the gradients of a batch's
    parts are added up before the step. Keys, queue and map are those of the whole batch; batch
    norm alone sees a part at a time.
    group: processes that share the parts of each batch. All draw the same random numbers and take
    the same steps, so each has the weights, queue and map that one process would have that took
    all parts in turn; the first alone writes them down.
    """

    model: MomentumContrast
    views: RandomViews
    schedule: PretrainingSchedule
    recorder: DatasetMapRecorder
    optimizer: torch.optim.Optimizer
    micro_batch: int | None = None
    group: ProcessGroup = SINGLE_PROCESS

    def run(self, reporter: ProgressReporter, probe: KnnProbe, checkpoint_dir: Path | None) -> None:
        """Train for all epochs that are not done yet, recording the map on the way.

        Raises:
            FloatingPointError: the loss is no longer finite; what was saved of earlier epochs
                stays in the folder.
            ValueError: the folder holds what training cannot go on from.
        """
        checkpoint, epochs = self._checkpoint(checkpoint_dir), self.schedule.epochs
        done = checkpoint.restore()
        if done == 0:
            self.model.calibrate(self.views.of(batch) for batch in self._calibration_batches())
        self.group.broadcast(self.model.tensors())
        for epoch in range(done, epochs):
            try:
                self._train_epoch(epoch, reporter)
            except FloatingPointError as error:
                raise FloatingPointError(f"{error}{checkpoint.hint()}") from None
            if self.group.rank == 0:
                checkpoint.save(epoch + 1, last=epoch + 1 == epochs)
            probe.evaluate(epoch + 1, epochs)

    def step(self, batch: torch.Tensor) -> torch.Tensor:
        """Train on one batch (n,) of indices and return the loss, left on the device."""
        self.optimizer.zero_grad(set_to_none=True)
        parts = self._split(batch)
        counts = self._images_per_process(parts)
        with self._statistics.batch():
            losses, queries, keys = self._accumulate_parts(parts, len(batch))
        self.group.all_reduce([losses, *(w.grad for w in self._weights if w.grad is not None)])
        queries, keys = (self.group.all_gather(z, counts) for z in (queries, keys))
        self.optimizer.step()
        self.model.momentum_update()
        self.model.enqueue(keys)
        self._record(batch.to(keys.device), queries, keys, counts)
        return losses.sum()

    def _checkpoint(self, folder: Path | None) -> Checkpoint:
        parts: dict[str, Stateful] = {  # the names are the file's
            "contrast": self.model,
            "optimiser": self.optimizer,
            "map": self.recorder,
            "random": GeneratorState(self.views.generator),
        }
        return Checkpoint(folder, "contrast", parts)

    def _train_epoch(self, epoch: int, reporter: ProgressReporter) -> None:
        for step, batch in enumerate(self.schedule.batches(self.views.generator)):
            lr = self.schedule.lr(epoch * self.schedule.steps_per_epoch + step)
            self.optimizer.param_groups[0]["lr"] = lr
            reporter.on_step(epoch, step, self.step(batch), len(batch), lr)
        if not self.model.is_finite():  # the step after a finite loss may have done it
            raise divergence_error("a weight", epoch + 1, "not finite", lr)

    @cached_property
    def _statistics(self) -> SharedRunningStatistics:
        return SharedRunningStatistics(self.model.query, self.group)

    @cached_property
    def _weights(self) -> list[torch.nn.Parameter]:
        return list(self.model.query.parameters())

    def _split(self, batch: torch.Tensor) -> Parts:
        """Split (n,) into equal parts, as many for each process; none too small for batch norm.

        The schedule has no batch of less than two images for each process.
        """
        size, n = self.group.size, len(batch)
        each = 1 if self.micro_batch is None else -(-n // (self.micro_batch * size))
        return batch.tensor_split(size * min(each, n // (2 * size)))

    def _images_per_process(self, parts: Parts) -> list[int]:
        sizes = list(map(len, parts))
        ranges = [self.group.parts_of(rank, len(parts)) for rank in range(self.group.size)]
        return [sum(sizes[own.start : own.stop]) for own in ranges]

    def _accumulate_parts(
        self, parts: Parts, batch_size: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Add up the gradients of this process's parts.

        Returns the share of the loss of each (parts,), and their queries and keys (m, d).
        """
        own, results = self.group.my_parts(len(parts)), []
        for number, part in enumerate(parts):
            if number in own:
                results.append(self._accumulate(part, len(part) / batch_size))
            else:
                self.views.skip(2 * len(part))
        losses, queries, keys = (torch.cat(each) for each in zip(*results, strict=True))
        return losses, queries, keys

    def _accumulate(
        self, part: torch.Tensor, share: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Add the gradients of a part (m,) that makes up that share of its batch.

        Returns its share of the loss (1,), its queries and its keys (m, d).
        """
        view1, view2 = self.views.of(part.repeat(2)).chunk(2)
        with self._statistics.part():
            loss, queries, keys = self.model.forward(view1, view2)
        torch.autograd.backward(loss * share)
        return loss.detach()[None] * share, queries, keys

    def _record(
        self, batch: torch.Tensor, queries: torch.Tensor, keys: torch.Tensor, counts: list[int]
    ) -> None:
        """Record the map of a batch; each process computes that of its own images."""
        start = sum(counts[: self.group.rank])
        own = slice(start, start + counts[self.group.rank])
        probabilities = confidence(queries, keys, batch, self.recorder.taus, own)
        self.recorder.add(batch, self.group.all_gather(probabilities, counts))

    def _calibration_batches(self) -> Parts:
        """Draw up to 1,024 images, in batches no larger than the networks are given at once."""
        order = torch.randperm(self.schedule.N, generator=self.views.generator)
        images = order[:_CALIBRATION_IMAGES]
        most = self.micro_batch or -(-self.schedule.batch_size // self.group.size)
        return images.tensor_split(-(-len(images) // most))
