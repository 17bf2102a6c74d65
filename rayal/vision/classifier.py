"""A backbone with a last layer for classes, and what it says of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from rayal.vision import batches, networks
from rayal.vision.device import device, normalise, to_device

Float32: TypeAlias = npt.NDArray[np.float32]
Images: TypeAlias = npt.NDArray[np.uint8]  # (N, H, W, channels)
Change: TypeAlias = Callable[[torch.Tensor], torch.Tensor]

_ROWS = 512  # hidden features worked on at once


class Classifier(nn.Module):
    """Images (n, channels, H, W) in -1..1 to logits (n, C), on the device.

    backbone -> standardised where asked for -> dropout where asked for -> linear layer -> fixed
    prototypes where asked for.
    """

    prototypes: torch.Tensor | None

    def __init__(
        self,
        backbone: nn.Module,
        num_classes: int,
        seed: int,
        *,
        dropout: float = 0.0,
        prototypes: Float32 | None = None,
        spread: tuple[Float32, Float32] | None = None,
    ) -> None:
        """Put a last layer behind a backbone, and both on the device.

        Args:
            backbone: of rayal.vision.networks.
            num_classes: C.
            seed: of the last layer's initial weights.
            dropout: part of what the last layer sees that is dropped in training.
            prototypes: (C, O): the linear layer has O outputs, and logits are their products with
                these. Without it O is C.
            spread: mean and variance (D,) of the features, which are then standardised by a batch
                norm without weights that starts with these as its running statistics.
        """
        super().__init__()
        D = networks.width(backbone)
        self.backbone = backbone
        self.standardised = nn.Identity() if spread is None else _standardiser(D, *spread)
        outputs = num_classes if prototypes is None else prototypes.shape[1]
        with torch.random.fork_rng(devices=[]):  # layers draw from torch's global generator
            torch.default_generator.manual_seed(seed)
            self.head = nn.Linear(D, outputs)
        self.dropout = dropout
        self.register_buffer("prototypes", None if prototypes is None else torch.tensor(prototypes))
        networks.channels_last(self.to(device()))

    def forward(
        self, images: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return logits (n, C); a generator on the CPU, of dropout, says that this is training."""
        return self.logits(self.hidden(images), generator)

    def hidden(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the last layer sees, (n, D)."""
        found: torch.Tensor = self.standardised(self.backbone(images))
        return found

    def outputs(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the outputs (n, O) of the linear layer."""
        found: torch.Tensor = self.head(hidden)
        return found

    def logits(
        self, hidden: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return logits (n, C); with a generator, with some of what the layer sees dropped."""
        if generator is not None and self.dropout:
            hidden = dropped(hidden, self.dropout, generator)
        outputs = self.outputs(hidden)
        return outputs if self.prototypes is None else outputs @ self.prototypes.T

    def probabilities(
        self, hidden: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return class probabilities (n, C), rows sum to one."""
        return self.logits(hidden, generator).softmax(1)


def _standardiser(D: int, mean: Float32, variance: Float32) -> nn.Module:
    layer = nn.BatchNorm1d(D, affine=False)
    layer.load_state_dict(
        {
            "running_mean": torch.tensor(mean),
            "running_var": torch.tensor(variance),
            "num_batches_tracked": torch.tensor(0),
        }
    )
    return layer


def dropped(values: torch.Tensor, part: float, generator: torch.Generator) -> torch.Tensor:
    """Return values (n, D), this part of them 0 at random, the others scaled to make up for it.

    Drawn on the CPU, so that a generator means the same on every device.
    """
    kept = (torch.rand(values.shape, generator=generator) >= part).to(values.device)
    return values * kept / (1 - part)


def of_images(
    classifier: Classifier, images: Images, answer: Change, prepare: Change = normalise
) -> Float32:
    """Return what `answer` makes of the hidden features (n, D) of each batch of images, joined.

    Batch norm uses its running statistics and leaves them as they are.

    Args:
        classifier: put into evaluation mode.
        images: (N, H, W, channels).
        answer: from (n, D) to (n, ...).
        prepare: from a batch (n, channels, H, W) uint8 to what the backbone takes; unaugmented.
    """
    classifier.eval()
    with torch.inference_mode():
        step = batches.fitting(images)
        starts = range(0, len(images), step)
        parts = (to_device(images[start : start + step]) for start in starts)
        found = [answer(classifier.hidden(prepare(part))).cpu() for part in parts]
        return torch.cat(found).numpy()


def of_hidden(hidden: Float32, answer: Change) -> Float32:
    """Return what `answer` makes of hidden features (N, D), a part at a time, joined."""
    where = device()
    with torch.inference_mode():
        starts = range(0, len(hidden), _ROWS)
        parts = (torch.tensor(hidden[start : start + _ROWS], device=where) for start in starts)
        return torch.cat([answer(part).cpu() for part in parts]).numpy()
