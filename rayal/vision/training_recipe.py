"""How a classifier is trained: optimizer, learning rates, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch.optim.lr_scheduler import MultiStepLR, ReduceLROnPlateau

from rayal.vision.classifier import Classifier
from rayal.vision.classifier_augment import ClassifierAugmentation
from rayal.vision.precision import Precision

OptimizerName: TypeAlias = Literal["sgd", "adam"]


@dataclass(frozen=True)
class TrainingRecipe:
    """Settings of `rayal.vision.training.fit`, under the names that sweep files have for them.

    The learning rates are multiplied by gamma at the start of each milestone epoch, counted from
    0, and each time that the validation loss has not fallen, by a ten-thousandth at least, for
    more than `plateau_patience` epochs. Training ends after `epochs`, or when that loss has not
    fallen for `early_stopping` epochs; with `early_stopping` the weights of its lowest value are
    kept.
    """

    epochs: int
    batch_size: int
    lr: float
    head_lr: float | None = None  # of the last layer; without it that is lr
    optimiser: OptimizerName = "sgd"
    momentum: float = 0.0  # of SGD
    nesterov: bool = False  # of SGD
    weight_decay: float = 0.0
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    plateau_patience: int | None = None
    early_stopping: int | None = None
    least_steps: int = 1  # of an epoch, which is then several passes
    augmentation: ClassifierAugmentation = "none"
    precision: Precision | None = None  # bf16 on a GPU, float32 on a CPU

    @property
    def needs_validation(self) -> bool:
        """Whether training looks at a validation loss."""
        return self.plateau_patience is not None or self.early_stopping is not None


def make_optimizer(recipe: TrainingRecipe, classifier: Classifier) -> torch.optim.Optimizer:
    """Return the optimizer of a classifier's weights, the last layer in a group of its own."""
    head_lr = recipe.lr if recipe.head_lr is None else recipe.head_lr
    groups: list[dict[str, Any]] = [
        {"params": list(classifier.backbone.parameters())},
        {"params": list(classifier.head.parameters()), "lr": head_lr},
    ]
    decay = recipe.weight_decay
    if recipe.optimiser == "adam":
        return torch.optim.Adam(groups, recipe.lr, weight_decay=decay, fused=True)
    momentum, nesterov = recipe.momentum, recipe.nesterov
    return torch.optim.SGD(
        groups, recipe.lr, momentum, weight_decay=decay, nesterov=nesterov, fused=True
    )


class LRSchedule:
    """Changes the learning rates of an optimizer after each epoch."""

    def __init__(self, recipe: TrainingRecipe, optimizer: torch.optim.Optimizer) -> None:
        self._milestones = MultiStepLR(optimizer, list(recipe.milestones), recipe.gamma)
        patience = recipe.plateau_patience
        self._plateau = (
            None
            if patience is None
            else ReduceLROnPlateau(optimizer, factor=recipe.gamma, patience=patience)
        )

    def step(self, validation_loss: float | None) -> None:
        """Prepare the next epoch; the loss is read where a plateau is waited for."""
        self._milestones.step()
        if self._plateau is not None and validation_loss is not None:
            self._plateau.step(validation_loss)


class EarlyStopping:
    """Keeps the weights of the lowest validation loss, and says when to stop waiting for less."""

    def __init__(self, patience: int, classifier: Classifier) -> None:
        self._patience = patience
        self._classifier = classifier
        self._lowest = float("inf")
        self._epochs_without_improvement = 0
        self._best: dict[str, torch.Tensor] = {}

    def should_stop(self, validation_loss: float) -> bool:
        """Take note of an epoch; return whether `patience` epochs brought nothing better."""
        if validation_loss < self._lowest:
            self._lowest, self._epochs_without_improvement = validation_loss, 0
            state = self._classifier.state_dict()
            self._best = {name: value.clone() for name, value in state.items()}
        else:
            self._epochs_without_improvement += 1
        return self._epochs_without_improvement >= self._patience

    def restore(self) -> None:
        """Give the classifier the weights and statistics of the best epoch."""
        self._classifier.load_state_dict(self._best)
