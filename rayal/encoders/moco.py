"""MoCo v2 pre-training with a dataset map (HaCon, section 2 and Appendix A, Tables 2-4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from rayal.contracts import Dataset, DataShape, Embedding, Progress, encoder
from rayal.encoders._features import augmented_views
from rayal.encoders._moco.settings import MapViews, MocoSeeds, MocoSettings
from rayal.encoders._training import truth_epochs as truth
from rayal.encoders._training.truth_epochs import TruthEpochs
from rayal.registry import from_arguments
from rayal.vision import backbone_names, notes
from rayal.vision.augmentation_params import AugmentationName
from rayal.vision.precision import Precision

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Processes = Annotated[int, Field(ge=1, le=64)]


def _check(params: Mapping[str, Any], N: int) -> None:
    """Refuse what does not fit together or a pool of N images."""
    from_arguments(MocoSettings, params).check(N)


def _gives(params: Mapping[str, Any]) -> set[str]:
    return {"map", "weights"} | augmented_views.gives(params) | truth.gives(params)


def _notes(params: Mapping[str, Any], shape: DataShape) -> list[str]:
    D = backbone_names.width_of(params["backbone"])
    return [
        "weights: trained here, from random ones",
        *notes.resizing(shape.image, backbone_names.input_size(params["backbone"], shape.image)),
        notes.feature_size(shape.N, shape.M, D, params["views"]),
    ]


@encoder(gives=_gives, check=_check, notes=_notes, former={"map": "query_key"})
def moco(  # noqa: PLR0913  the published recipe has this many settings
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    keep: Path | None = None,
    *,
    backbone: backbone_names.Backbone = "resnet50",
    stem: backbone_names.Stem = "imagenet",
    epochs: Count = 200,
    batch_size: Annotated[int, Field(ge=2)] = 4096,
    micro_batch: Annotated[int, Field(ge=2)] | None = None,
    repeats: Count = 1,
    queue: Count = 65536,
    temperature: Positive = 0.2,
    momentum_encoder: Annotated[float, Field(ge=0, lt=1)] = 0.999,
    projection: Annotated[int, Field(ge=2)] = 128,
    base_lr: Positive = 0.03,
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-4,
    warmup_epochs: Annotated[int, Field(ge=0)] = 5,
    augmentation: AugmentationName = "rgb",
    crop_scale: tuple[float, float] = (0.08, 1.0),
    flip: bool = True,
    taus: Annotated[tuple[Positive, ...], Field(min_length=1)] = (0.2, 0.1, 0.05, 0.01, 0.001),
    views: augmented_views.ViewCount = 0,
    truth_epochs: TruthEpochs = 0,
    precision: Precision | None = None,
    map: MapViews = "two_views",
    compile: bool = False,
    processes: Processes = 1,
) -> Embedding:
    """Train a backbone to tell the pool's images apart, recording how well each one was.

    The defaults are HaCon's for MedMNIST, with repeats 14 (PathMNIST), 37 (OrganAMNIST, with
    augmentation ct) or 105 (BloodMNIST). For CIFAR-10-LT: epochs 800, batch_size 512, queue 4096,
    temperature .1.

    Args:
        dataset: the pool to train on, and the test set to describe.
        rng: source of all randomness; on a CPU the same rng and number of threads give the same
            result.
        progress: told of the end of each epoch, and of fractions of it every two seconds; at a
            few epochs of the accuracy of nearest neighbors on a labeled validation split.
        keep: folder for what training needs to go on after a stop, with the same result; None
            keeps nothing.
        backbone: network whose pooled outputs are the features.
        stem: first layers of a ResNet: imagenet's, or cifar's that keep the resolution.
        epochs: passes over the pool.
        batch_size: images in a step, at most; more than an epoch has is cut to that.
        micro_batch: images that go through the networks at once, where a whole batch is too
            large for the memory; gradients are added up. Batch norm then sees so many images.
        repeats: times that each image comes in an epoch.
        queue: keys kept as negatives, at most as many as an epoch has images.
        temperature: of the loss.
        momentum_encoder: part of the key network that each step keeps.
        projection: dimensions of the head's output.
        base_lr: learning rate for 256 images in a step; it grows with the batch.
        weight_decay: L2 penalty.
        warmup_epochs: epochs of linearly growing learning rate, before the cosine.
        augmentation: rgb, rgb_no_blur, ct or grey.
        crop_scale: smallest and largest part of the image's area that a crop takes.
        flip: mirror left and right with probability .5.
        taus: temperatures that the dataset map is recorded at.
        views: weakly augmented copies of each image whose features are kept too.
        truth_epochs: epochs that a second network of the kind learns the true classes for, to
            add the map by ground truth; it reads the true label of every image. 0 adds none.
        precision: that the networks train in, bf16 or float32; None takes bf16 on a GPU, float32 on
            a CPU. bf16 keeps two to three digits; a CPU with instructions for it is faster so.
        map: what the dataset map compares: two_views are both projections by the query network, as
            in HaCon's Algorithm 1, in the last epoch and every third before it, for a further pass
            through the network; query_key are those of the loss, in every epoch, as released.
        compile: let torch.compile fuse the networks' operations: a minute at the start on a GPU,
            for faster steps; minutes on a CPU, where it is not worth it. The machine that trains
            needs a compiler.
        processes: that share each batch, on one machine, each on a GPU of its own where there
            are any (give the stage as many: resources.pretrain.gpus). Batch norm sees a
            process's images, or its micro_batch: a number more than 1 gives the result that one
            process has with as many parts, but for rounding.

    Raises:
        ValueError: the queue, the warm-up, the crops or the processes do not fit, the pool has
            one image, or training cannot go on from what lies in `keep`.
        FloatingPointError: the loss is no longer finite.
        RuntimeError: one of several processes stopped, or there is no compiler to compile with.
    """
    settings = from_arguments(MocoSettings, locals())
    # What imports PyTorch, which a plan does without.
    from rayal.encoders._features.embedding import embed
    from rayal.encoders._features.extraction import FeatureExtractor
    from rayal.encoders._moco.launcher import launch_workers
    from rayal.encoders._moco.monitoring import KnnProbe
    from rayal.encoders._moco.setup import build_pretraining
    from rayal.encoders._training.progress_reporter import ProgressReporter
    from rayal.encoders._training.supervised_map import supervised_map
    from rayal.vision import networks
    from rayal.vision.compilation import check_can_compile
    from rayal.vision.device import device

    images = dataset.train.images
    settings.check(len(images))
    if compile:
        check_can_compile(device())
    seeds = MocoSeeds.draw(rng)
    with launch_workers(images, settings, seeds, keep) as group:
        network, training = build_pretraining(images, settings, seeds, group)
        reporter = ProgressReporter(training.schedule, progress)
        training.run(reporter, KnnProbe(network, dataset.val, reporter), keep)
    embedding = embed(FeatureExtractor(network), dataset, rng, views=views, flip=flip)
    true_class = supervised_map(
        dataset, rng, progress, keep, backbone=backbone, stem=stem, flip=flip, epochs=truth_epochs
    )
    dataset_map = training.recorder.finish(true_class)
    weights = networks.to_arrays(network)
    return replace(embedding, map=dataset_map, weights=weights)
