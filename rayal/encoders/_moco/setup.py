"""A MoCo pre-training from its settings: the same in every process that takes part."""

from __future__ import annotations

import torch
from torch import nn

from rayal.contracts import Images
from rayal.encoders._moco.model import MomentumContrast, Projector
from rayal.encoders._moco.process_group import ProcessGroup
from rayal.encoders._moco.settings import MocoSeeds, MocoSettings
from rayal.encoders._moco.training import Pretraining, RandomViews
from rayal.encoders._training.dataset_map import DatasetMapRecorder
from rayal.vision import networks
from rayal.vision.device import device, to_device

_MOMENTUM = 0.9  # of SGD


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
