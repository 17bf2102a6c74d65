"""The dataset map by ground truth: how well a classifier learns each image's own class.

Swayamdipta et al., "Dataset Cartography", EMNLP 2020, section 2; HaCon's easy- and hard-to-learn.
The classifier reads the true label of every image of the pool: what is chosen by this map shows
how well one could choose, not how well one can.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import nn

from rayal.contracts import UNLABELED, Dataset, Images, Labels, Progress
from rayal.encoders._features.augmented_views import Weak
from rayal.encoders._training.checkpoints import Kept, Randomness, Stateful
from rayal.encoders._training.dataset_map import Moments
from rayal.encoders._training.progress import Pace
from rayal.encoders._training.schedule import Schedule
from rayal.seeds import integer
from rayal.vision import networks
from rayal.vision.device import device, to_device
from rayal.vision.networks import Backbone, Stem
from rayal.vision.precision import autocast

Epochs: TypeAlias = Annotated[int, Field(ge=0)]  # 0 makes no map
Float32: TypeAlias = npt.NDArray[np.float32]

_BATCH = 128
_BASE_LR = 0.1  # for 256 images in a step
_WEIGHT_DECAY = 5e-4


def gives(params: Mapping[str, Any]) -> set[str]:
    """Return {"truth_map"} where the parameter `truth_epochs` asks for one."""
    return {"truth_map"} if params["truth_epochs"] else set()


def record(  # noqa: PLR0913  four of them are the encoder's own
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    keep: Path | None = None,
    *,
    backbone: Backbone,
    stem: Stem,
    flip: bool,
    epochs: int,
) -> tuple[Float32, Float32] | None:
    """Return mean and population std (N,) over epochs of the true class's probability.

    A backbone with new weights and a linear head learn by cross-entropy: SGD with momentum .9,
    cosine learning rate, batches of 128, weakly augmented images. An image's record of an epoch
    is taken as it comes by in training, as in the paper's released code, and costs no more.

    Args:
        dataset: the pool with its true labels.
        rng: source of all randomness.
        progress: told of the end of each epoch, and of fractions of it every two seconds.
        keep: folder for what training needs to go on after a stop; None keeps nothing.
        backbone: kind of network.
        stem: first layers of a ResNet.
        flip: mirror images left and right with probability .5.
        epochs: passes over the pool; None is returned for 0.

    Raises:
        ValueError: an image of the pool has no label, or the pool has one image.
        FloatingPointError: the loss is no longer finite.
    """
    if epochs == 0:
        return None
    images, labels = dataset.train.images, dataset.train.labels
    _check_labels(labels)
    schedule = Schedule(len(images), 1, _BATCH, epochs, 0, _BASE_LR)
    examples = Examples(images, labels, Weak(flip, integer(rng)))
    network = networks.backbone(backbone, stem, images.shape[3], seed=integer(rng))
    classifier = _with_head(network, dataset.num_classes, seed=integer(rng))
    batches = torch.Generator().manual_seed(integer(rng))
    training = _Training(classifier, examples, schedule, batches)
    mean, deviation = training.run(Pace(schedule, progress), keep).finish()
    return mean[:, 0], deviation[:, 0]


class Examples:
    """Images (N, H, W, channels) and their classes (N,), on the device."""

    def __init__(self, images: Images, labels: Labels, weak: Weak) -> None:
        self._images = to_device(images)
        self._labels = torch.tensor(labels, device=self._images.device)
        self._weak = weak

    def of(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return augmented images (n, channels, H, W) and classes (n,) of indices (n,)."""
        return self._weak.centred(self._images[batch]), self._labels[batch]

    @property
    def generator(self) -> torch.Generator:
        return self._weak.generator


class _Training:
    """A classifier that learns, and the records of the true class's probability."""

    def __init__(
        self,
        classifier: nn.Module,
        examples: Examples,
        schedule: Schedule,
        generator: torch.Generator,
    ) -> None:
        where = device()
        self._classifier = networks.channels_last(classifier.to(where)).train()
        self._examples = examples
        self._schedule = schedule
        self._generator = generator
        self._moments = Moments(schedule.N, 1, where)
        self._optimiser = torch.optim.SGD(
            classifier.parameters(), schedule.lr(0), 0.9, weight_decay=_WEIGHT_DECAY, fused=True
        )

    def run(self, pace: Pace, folder: Path | None) -> Moments:
        """Train for all epochs that are not done yet."""
        kept = self._kept(folder)
        epochs = self._schedule.epochs
        for epoch in range(kept.restore(), epochs):
            for within, batch in enumerate(self._schedule.batches(self._generator)):
                lr = self._schedule.lr(epoch * self._schedule.steps_per_epoch + within)
                self._optimiser.param_groups[0]["lr"] = lr
                loss = self._step(batch.to(device()))
                _count(pace, epoch, within, loss, len(batch), lr)
            kept.keep(epoch + 1, last=epoch + 1 == epochs)
        return self._moments

    def _step(self, batch: torch.Tensor) -> torch.Tensor:
        loss, of_truth = _step(self._classifier, *self._examples.of(batch), self._optimiser)
        self._moments.add(batch, of_truth)
        return loss

    def _kept(self, folder: Path | None) -> Kept:
        parts: dict[str, Stateful] = {
            "classifier": self._classifier,
            "optimiser": self._optimiser,
            "map": self._moments,
            "batches": Randomness(self._generator),
            "views": Randomness(self._examples.generator),
        }
        return Kept(folder, "truth", parts)


def _step(
    classifier: nn.Module,
    images: torch.Tensor,
    classes: torch.Tensor,
    optimiser: torch.optim.Optimizer,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Train on one batch; return the loss and the true class's probabilities (n, 1) before."""
    with autocast(images.device):
        logits = classifier(images)
    log_probs = nn.functional.log_softmax(logits.float(), dim=1)
    loss = nn.functional.nll_loss(log_probs, classes)
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimiser.step()
    return loss.detach(), log_probs.detach().exp().gather(1, classes[:, None])


def _count(pace: Pace, epoch: int, within: int, loss: torch.Tensor, images: int, lr: float) -> None:
    try:
        pace.stepped(epoch, within, loss, images, lr)
    except FloatingPointError as error:
        raise FloatingPointError(
            f"the classifier of the ground-truth map diverged in epoch {epoch + 1}: its loss is "
            "no longer finite; look at the images, take another backbone or set truth_epochs: 0"
        ) from error


def _with_head(backbone: nn.Module, num_classes: int, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):  # layers draw from torch's global generator
        torch.default_generator.manual_seed(seed)
        return nn.Sequential(backbone, nn.Linear(networks.width(backbone), num_classes))


def _check_labels(labels: Labels) -> None:
    unknown = int(np.sum(labels == UNLABELED))
    if unknown:
        raise ValueError(
            f"truth_epochs reads the true class of every image, and {unknown} of {len(labels)} "
            "have none; label them or set truth_epochs: 0"
        )
