"""The training loop of momentum contrast, a batch of image indices at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import torch

from rayal.encoders._moco.batch_norm import SharedRunningStatistics
from rayal.encoders._moco.model import MomentumContrast
from rayal.encoders._moco.monitoring import KnnProbe
from rayal.encoders._moco.process_group import SINGLE_PROCESS, ProcessGroup
from rayal.encoders._moco.settings import MapViews
from rayal.encoders._training.checkpoints import Checkpoint, GeneratorState, Stateful
from rayal.encoders._training.dataset_map import DatasetMapRecorder, confidence
from rayal.encoders._training.progress_reporter import ProgressReporter, divergence_error
from rayal.encoders._training.schedule import PretrainingSchedule
from rayal.vision import batches
from rayal.vision.augment import augment
from rayal.vision.augmentation_params import (
    AugmentationParams,
    AugmentationRanges,
    sample_params,
)
from rayal.vision.device import upload
from rayal.vision.one_pass import OnePassParams, augment_in_one_pass, pack

Parts: TypeAlias = tuple[torch.Tensor, ...]  # of a batch: (m,) image indices each
ViewParams: TypeAlias = AugmentationParams | OnePassParams
Drawn: TypeAlias = Sequence[ViewParams | None]  # of each part's two views; None: another process's

_EPOCHS_PER_RECORD = 3  # of a map that takes a pass of its own: less than a tenth of the time
_CALIBRATION_IMAGES = 1024  # that the first batch-norm statistics are taken from


class RandomViews:
    """Random views of images (N, channels, H, W) that stay on the device as uint8."""

    def __init__(
        self, images: torch.Tensor, ranges: AugmentationRanges, generator: torch.Generator
    ) -> None:
        self.images = images
        self.ranges = ranges
        self.generator = generator

    @property
    def device(self) -> torch.device:
        return self.images.device

    def draw(self, n: int) -> ViewParams:
        """Draw the parameters of n views, on the CPU, in the form that `of` reads."""
        _, channels, H, W = self.images.shape
        params = sample_params(n, (H, W), self.ranges, self.generator)
        if self.device.type == "cpu":
            return params
        return pack(params, channels, (H, W))

    def of(self, batch: torch.Tensor, params: ViewParams | None = None) -> torch.Tensor:
        """Return a random view (n, channels, H, W) of each image of a batch (n,) of indices.

        params: drawn by `draw`; drawn here where left out.
        """
        images, drawn = self.images[batch.to(self.device)], params or self.draw(len(batch))
        if isinstance(drawn, OnePassParams):
            return augment_in_one_pass(images, drawn.to(self.device), self.ranges)
        return augment(images, drawn, self.ranges)


@dataclass(frozen=True)
class Pretraining:
    """All that a step of training reads and changes.

    micro_batch: images that go through the networks at once, at most; the gradients of a batch's
    parts are added up before the step. Keys, queue and map are those of the whole batch; batch
    norm alone sees a part at a time.
    group: processes that share the parts of each batch. All draw the same random numbers and take
    the same steps, so each has the weights, queue and map that one process would have that took
    all parts in turn; the first alone writes them down.
    map: whose projections it compares. A second view's by the query network is a further pass, so
    that such a map is recorded in the last epoch and every third before it.
    """

    model: MomentumContrast
    views: RandomViews
    schedule: PretrainingSchedule
    recorder: DatasetMapRecorder
    optimizer: torch.optim.Optimizer
    micro_batch: int | None = None
    group: ProcessGroup = SINGLE_PROCESS
    map: MapViews = "query_key"

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

    def step(
        self, batch: torch.Tensor, drawn: Drawn | None = None, *, record: bool = True
    ) -> torch.Tensor:
        """Train on one batch (n,) of indices and return the loss, left on the device.

        drawn: the parameters of its views; drawn here where left out. record: whether to add the
        batch to the map.
        """
        self.optimizer.zero_grad(set_to_none=True)
        batch = batch.to(self.views.device)
        parts = self._split(batch)
        counts = self._images_per_process(parts)
        with self._statistics.batch():
            two_views = record and self.map == "two_views"
            losses, queries, keys, seconds = self._accumulate_parts(
                parts, drawn or self._draw(parts), two_views
            )
        self.group.all_reduce([losses, *(w.grad for w in self._weights if w.grad is not None)])
        queries, keys = (self.group.all_gather(z, counts) for z in (queries, keys))
        self.optimizer.step()
        self.model.momentum_update()
        self.model.enqueue(keys)
        if record:
            seconds = self.group.all_gather(seconds, counts) if two_views else keys
            self._record(batch, queries, seconds, counts)
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
        left = self.schedule.epochs - 1 - epoch
        record = self.map == "query_key" or left % _EPOCHS_PER_RECORD == 0
        for step, (batch, drawn) in enumerate(self._drawn_batches()):
            lr = self.schedule.lr(epoch * self.schedule.steps_per_epoch + step)
            self.optimizer.param_groups[0]["lr"] = lr
            loss = self.step(batch, drawn, record=record)
            reporter.on_step(epoch, step, loss, len(batch), lr)
        if not self.model.is_finite():  # the step after a finite loss may have done it
            raise divergence_error("a weight", epoch + 1, "not finite", lr)

    def _drawn_batches(self) -> Iterator[tuple[torch.Tensor, Drawn]]:
        """Yield an epoch's batches on the device, with the parameters of their views.

        The order goes to a GPU at once, and what a step draws while the GPU works on the one
        before: the generator is asked in the same order as without one.
        """
        order = self.schedule.batches(self.views.generator)
        drawn = (self._draw(self._split(batch)) for batch in order)
        if self.views.device.type == "cpu":
            yield from zip(order, drawn, strict=True)
            return
        epoch = upload(torch.cat(order), self.views.device)
        on_device = torch.split(epoch, [len(batch) for batch in order])
        yield from zip(on_device, batches.made_ahead(drawn), strict=True)

    def _draw(self, parts: Parts) -> Drawn:
        """Draw the parameters of both views of each part; keep those of this process."""
        own = self.group.my_parts(len(parts))
        drawn = [self.views.draw(2 * len(part)) for part in parts]
        return [params if number in own else None for number, params in enumerate(drawn)]

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
        self, parts: Parts, drawn: Drawn, two_views: bool
    ) -> tuple[torch.Tensor, ...]:
        """Add up the gradients of this process's parts.

        Returns the share of the loss of each (parts,), their queries and keys (m, d), and the
        second views' projections by the query network (m, d), where asked for; the keys if not.
        """
        batch_size = sum(map(len, parts))
        results = [
            self._accumulate(part, params, len(part) / batch_size, two_views)
            for part, params in zip(parts, drawn, strict=True)
            if params is not None
        ]
        return tuple(torch.cat(each) for each in zip(*results, strict=True))

    def _accumulate(
        self, part: torch.Tensor, params: ViewParams, share: float, two_views: bool
    ) -> tuple[torch.Tensor, ...]:
        """Add the gradients of a part (m,) that makes up that share of its batch.

        Returns its share of the loss (1,), its queries, its keys and second projections (m, d).
        """
        view1, view2 = self.views.of(part.repeat(2), params).chunk(2)
        with self._statistics.part():
            loss, queries, keys = self.model.forward(view1, view2)
        torch.autograd.backward(loss * share)
        second = self.model.project(view2) if two_views else keys
        return loss.detach()[None] * share, queries, keys, second

    def _record(
        self, batch: torch.Tensor, first: torch.Tensor, second: torch.Tensor, counts: list[int]
    ) -> None:
        """Record the map of a batch; each process computes that of its own images."""
        start = sum(counts[: self.group.rank])
        own = slice(start, start + counts[self.group.rank])
        probabilities = confidence(first, second, batch, self.recorder.taus, own)
        self.recorder.add(batch, self.group.all_gather(probabilities, counts))

    def _calibration_batches(self) -> Parts:
        """Draw up to 1,024 images, in batches no larger than the networks are given at once."""
        order = torch.randperm(self.schedule.N, generator=self.views.generator)
        images = order[:_CALIBRATION_IMAGES]
        most = self.micro_batch or -(-self.schedule.batch_size // self.group.size)
        return images.tensor_split(-(-len(images) // most))
