"""A MoCo pre-training from its settings: the same in every process that takes part."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from rayal.contracts import Images
from rayal.encoders._moco.model import MomentumContrast, Projector
from rayal.encoders._moco.process_group import Team
from rayal.encoders._moco.training import Pretraining, Views
from rayal.encoders._training.dataset_map import MapRecords
from rayal.encoders._training.schedule import Schedule
from rayal.vision import draws, networks
from rayal.vision.device import device, to_device
from rayal.vision.precision import Precision
from rayal.vision.sgd import SGD


@dataclass(frozen=True)
class Seeds:
    """Of batches, views and queue; of the backbone's weights; of the head's."""

    training: int
    backbone: int
    head: int


@dataclass(frozen=True)
class Settings:
    """What determines a pre-training besides its images; see the encoder `moco`."""

    backbone: networks.Backbone
    stem: networks.Stem
    schedule: Schedule
    micro_batch: int | None
    queue: int
    temperature: float
    momentum_encoder: float
    projection: int
    weight_decay: float
    recipe: draws.Recipe
    taus: tuple[float, ...]
    precision: Precision | None
    compile: bool
    seeds: Seeds


def pretraining(images: Images, settings: Settings, team: Team) -> tuple[nn.Module, Pretraining]:
    """Build a training at its start; return its backbone too."""
    seeds = settings.seeds
    generator = torch.Generator().manual_seed(seeds.training)
    network = networks.backbone(
        settings.backbone, settings.stem, images.shape[3], seed=seeds.backbone
    )
    contrast = MomentumContrast(
        Projector(network, settings.projection, seed=seeds.head),
        torch.randn(settings.queue, settings.projection, generator=generator),
        temperature=settings.temperature,
        momentum=settings.momentum_encoder,
        device=device(),
        precision=settings.precision,
        compiled=settings.compile,
    )
    weights, lr = contrast.query.parameters(), settings.schedule.lr(0)
    return network, Pretraining(
        contrast,
        Views(to_device(images), settings.recipe, generator),
        settings.schedule,
        MapRecords(len(images), settings.taus, device()),
        SGD(weights, lr, 0.9, weight_decay=settings.weight_decay),
        settings.micro_batch,
        team,
    )
