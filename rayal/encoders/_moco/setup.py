"""A MoCo pre-training from its settings: the same in every process that takes part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from rayal.contracts import Images
from rayal.encoders._moco.model import MomentumContrast, Projector
from rayal.encoders._moco.process_group import ProcessGroup
from rayal.encoders._moco.training import Pretraining, RandomViews
from rayal.encoders._training.dataset_map import DatasetMapRecorder, MapViews
from rayal.encoders._training.schedule import PretrainingSchedule
from rayal.seeds import integer
from rayal.vision import networks
from rayal.vision.augmentation_params import (
    AugmentationName,
    AugmentationRanges,
    augmentation_ranges,
)
from rayal.vision.device import device, to_device
from rayal.vision.precision import Precision

_MOMENTUM = 0.9  # of SGD


@dataclass(frozen=True)
class MocoSettings:
    """The parameters of the encoder `moco` that its training depends on; it describes them."""

    backbone: networks.Backbone
    stem: networks.Stem
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


def build_pretraining(
    images: Images, settings: MocoSettings, seeds: MocoSeeds, group: ProcessGroup
) -> tuple[nn.Module, Pretraining]:
    """Build a training at its start; return its backbone too.

    Args:
        images: (N, H, W, channels).
        settings: of the training.
        seeds: the same in all processes.
        group: the processes.
    """
    generator = torch.Generator().manual_seed(seeds.training)
    network = networks.backbone(
        settings.backbone, settings.stem, images.shape[3], seed=seeds.backbone
    )
    model = MomentumContrast(
        Projector(network, settings.projection, seed=seeds.head),
        torch.randn(settings.queue, settings.projection, generator=generator),
        temperature=settings.temperature,
        momentum=settings.momentum_encoder,
        device=device(),
        precision=settings.precision,
        compiled=settings.compile,
    )
    schedule = settings.schedule(len(images))
    training = Pretraining(
        model,
        RandomViews(to_device(images), settings.augmentation_ranges(), generator),
        schedule,
        DatasetMapRecorder(len(images), settings.taus, device()),
        sgd(model, schedule.lr(0), settings.weight_decay),
        settings.micro_batch,
        group,
        settings.map,
    )
    return network, training


def sgd(model: MomentumContrast, lr: float, weight_decay: float) -> torch.optim.SGD:
    """Return the optimizer of the query network."""
    weights = model.query.parameters()
    return torch.optim.SGD(weights, lr, _MOMENTUM, weight_decay=weight_decay, fused=True)


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
