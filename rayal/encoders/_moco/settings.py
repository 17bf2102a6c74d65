"""The settings and seeds of a MoCo pre-training, and what does not fit together among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from rayal.encoders._training.schedule import PretrainingSchedule
from rayal.seeds import integer
from rayal.vision.augmentation_params import (
    AugmentationName,
    AugmentationRanges,
    augmentation_ranges,
)
from rayal.vision.backbone_names import Backbone, Stem
from rayal.vision.precision import Precision

# Whose projections the map compares: both views' by the query network, or query and key.
MapViews: TypeAlias = Literal["two_views", "query_key"]


@dataclass(frozen=True)
class MocoSettings:
    """The parameters of the encoder `moco` that its training depends on; it describes them."""

    backbone: Backbone
    stem: Stem
    epochs: int
    batch_size: int
    micro_batch: int | None
    repeats: int
    queue: int
    temperature: float
    momentum_encoder: float
    projection: int
    base_lr: float
    weight_decay: float
    warmup_epochs: int
    augmentation: AugmentationName
    crop_scale: tuple[float, float]
    flip: bool
    taus: tuple[float, ...]
    precision: Precision | None
    compile: bool
    processes: int
    map: MapViews = "query_key"  # what was done before there was the parameter

    def schedule(self, N: int) -> PretrainingSchedule:
        """Return the schedule for a pool of N images.

        Raises:
            ValueError: the warm-up is as long as the training, or an epoch has one image.
        """
        return PretrainingSchedule(
            N, self.repeats, self.batch_size, self.epochs, self.warmup_epochs, self.base_lr
        )

    def augmentation_ranges(self) -> AugmentationRanges:
        """Return what the parameters of views are drawn from.

        Raises:
            ValueError: the range of crops is empty or leaves 0..1.
        """
        smallest, largest = self.crop_scale
        return augmentation_ranges(self.augmentation, (smallest, largest), self.flip)

    def check(self, N: int) -> None:
        """Refuse what does not fit together or a pool of N images.

        Raises:
            ValueError: the warm-up, the queue, the processes or the crops do not fit.
        """
        schedule = self.schedule(N)
        _check_queue(self.queue, schedule)
        _check_processes(self.processes, schedule)
        self.augmentation_ranges()


@dataclass(frozen=True)
class MocoSeeds:
    """Of batches, views and queue; of the backbone's weights; of the head's."""

    training: int
    backbone: int
    head: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> MocoSeeds:
        return cls(integer(rng), integer(rng), integer(rng))


def _check_queue(queue: int, schedule: PretrainingSchedule) -> None:
    if queue > schedule.samples:
        raise ValueError(
            f"queue={queue} is more than the {schedule.samples} images of an epoch "
            f"({schedule.N} x repeats={schedule.repeats}): its oldest keys would be stale; "
            f"give queue={schedule.samples} or less, or more repeats"
        )


def _check_processes(processes: int, schedule: PretrainingSchedule) -> None:
    most = schedule.smallest_batch // 2
    if processes > most:
        raise ValueError(
            f"processes={processes} need {2 * processes} images in each step, two for each, and a "
            f"step has {schedule.smallest_batch}; give processes={most} or less, or a larger "
            "batch_size"
        )
