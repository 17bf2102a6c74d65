"""The dataset map by ground truth: how well a classifier learns each image's own class.

Swayamdipta et al., "Dataset Cartography", EMNLP 2020, section 2; HaCon's easy- and hard-to-learn.
The classifier reads the true label of every image of the pool: what is chosen by this map shows
how well one could choose, not how well one can.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from rayal.contracts import UNLABELED, Dataset, Images, Labels, Progress
from rayal.encoders._training.checkpoints import Checkpoint, GeneratorState, Stateful
from rayal.encoders._training.dataset_map import Moments
from rayal.encoders._training.progress_reporter import ProgressReporter
from rayal.encoders._training.schedule import PretrainingSchedule
from rayal.seeds import integer
from rayal.vision import networks
from rayal.vision.backbone_names import Backbone, Stem
from rayal.vision.device import device, to_device
from rayal.vision.precision import autocast
from rayal.vision.weak_augmentation import WeakAugmentation

Float32: TypeAlias = npt.NDArray[np.float32]

_BATCH = 128
_BASE_LR = 0.1  # for 256 images in a step
_WEIGHT_DECAY = 5e-4


def supervised_map(  # noqa: PLR0913  four of them are the encoder's own
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    checkpoint_dir: Path | None = None,
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
        checkpoint_dir: folder for what training needs to be resumed; None saves nothing.
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
    schedule = PretrainingSchedule(len(images), 1, _BATCH, epochs, 0, _BASE_LR)
    loader = AugmentedImages(images, labels, WeakAugmentation(flip, integer(rng)))
    network = networks.backbone(backbone, stem, images.shape[3], seed=integer(rng))
    classifier = _with_head(network, dataset.num_classes, seed=integer(rng))
    generator = torch.Generator().manual_seed(integer(rng))
    training = _Training(classifier, loader, schedule, generator)
    mean, std = training.run(ProgressReporter(schedule, progress), checkpoint_dir).finish()
    return mean[:, 0], std[:, 0]


class AugmentedImages:
    """Images (N, H, W, channels) and their classes (N,), on the device, augmented when read."""

    def __init__(self, images: Images, labels: Labels, augment: WeakAugmentation) -> None:
        self._images = to_device(images)
        self._labels = torch.tensor(labels, device=self._images.device)
        self._augment = augment

    def __getitem__(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return augmented images (n, channels, H, W) and classes (n,) of indices (n,)."""
        return self._augment.for_network(self._images[batch]), self._labels[batch]

    @property
    def generator(self) -> torch.Generator:
        return self._augment.generator


class _Training:
    """A classifier that learns, and the records of the true class's probability."""

    def __init__(
        self,
        classifier: nn.Module,
        loader: AugmentedImages,
        schedule: PretrainingSchedule,
        generator: torch.Generator,
    ) -> None:
        where = device()
        self._classifier = networks.channels_last(classifier.to(where)).train()
        self._loader = loader
        self._schedule = schedule
        self._generator = generator
        self._moments = Moments(schedule.N, 1, where)
        self._optimizer = torch.optim.SGD(
            classifier.parameters(), schedule.lr(0), 0.9, weight_decay=_WEIGHT_DECAY, fused=True
        )

    def run(self, reporter: ProgressReporter, checkpoint_dir: Path | None) -> Moments:
        """Train for all epochs that are not done yet."""
        checkpoint = self._checkpoint(checkpoint_dir)
        epochs = self._schedule.epochs
        for epoch in range(checkpoint.restore(), epochs):
            for step, batch in enumerate(self._schedule.batches(self._generator)):
                lr = self._schedule.lr(epoch * self._schedule.steps_per_epoch + step)
                self._optimizer.param_groups[0]["lr"] = lr
                loss = self._step(batch.to(device()))
                _report(reporter, epoch, step, loss, len(batch), lr)
            checkpoint.save(epoch + 1, last=epoch + 1 == epochs)
        return self._moments

    def _step(self, batch: torch.Tensor) -> torch.Tensor:
        loss, of_truth = train_step(self._classifier, *self._loader[batch], self._optimizer)
        self._moments.add(batch, of_truth)
        return loss

    def _checkpoint(self, folder: Path | None) -> Checkpoint:
        parts: dict[str, Stateful] = {  # the names are the file's
            "classifier": self._classifier,
            "optimiser": self._optimizer,
            "map": self._moments,
            "batches": GeneratorState(self._generator),
            "views": GeneratorState(self._loader.generator),
        }
        return Checkpoint(folder, "truth", parts)


def train_step(
    classifier: nn.Module,
    images: torch.Tensor,
    classes: torch.Tensor,
    optimizer: torch.optim.Optimizer,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Train on one batch; return the loss and the true classes' probabilities (n, 1) before.

    images: (n, channels, H, W); classes: (n,).
    """
    with autocast(images.device):
        logits = classifier(images)
    log_probs = nn.functional.log_softmax(logits.float(), dim=1)
    loss = nn.functional.nll_loss(log_probs, classes)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()
    return loss.detach(), log_probs.detach().exp().gather(1, classes[:, None])


def _report(
    reporter: ProgressReporter, epoch: int, step: int, loss: torch.Tensor, images: int, lr: float
) -> None:
    try:
        reporter.on_step(epoch, step, loss, images, lr)
    except FloatingPointError as error:
        raise FloatingPointError(
            f"the classifier of the ground-truth map diverged in epoch {epoch + 1}: its loss is "
            "no longer finite; look at the images, take another backbone or set truth_epochs: 0"
        ) from error


def _with_head(backbone: nn.Module, num_classes: int, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):  # layers draw from torch's global generator
        torch.default_generator.manual_seed(seed)
        return nn.Sequential(backbone, nn.Linear(networks.num_features(backbone), num_classes))


def _check_labels(labels: Labels) -> None:
    unknown = int(np.sum(labels == UNLABELED))
    if unknown:
        raise ValueError(
            f"truth_epochs reads the true class of every image, and {unknown} of {len(labels)} "
            "have none; label them or set truth_epochs: 0"
        )
