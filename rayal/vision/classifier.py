"""A backbone with a last layer for classes, and what it predicts for images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from rayal.vision import batches, networks
from rayal.vision.device import bytes_to_network_range, device, to_device, upload

Float32: TypeAlias = npt.NDArray[np.float32]
Images: TypeAlias = npt.NDArray[np.uint8]  # (N, H, W, channels)
TensorFunction: TypeAlias = Callable[[torch.Tensor], torch.Tensor]

_HIDDEN_ROWS = 512  # hidden features that pass through the last layer at once


class Classifier(nn.Module):
    """Images (n, channels, H, W) in -1..1 to logits (n, C), on the device.

    backbone -> standardized where asked for -> dropout where asked for -> linear layer -> fixed
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
        feature_stats: tuple[Float32, Float32] | None = None,
    ) -> None:
        """Put a last layer behind a backbone, and both on the device.

        Args:
            backbone: of rayal.vision.networks.
            num_classes: C.
            seed: of the last layer's initial weights.
            dropout: fraction of what the last layer sees that is dropped in training.
            prototypes: (C, O): the linear layer has O outputs, and logits are their products with
                these. Without it O is C.
            feature_stats: mean and variance (D,) of the features, which are then standardized by
                a batch norm without weights that starts with these as its running statistics.
        """
        super().__init__()
        D = networks.num_features(backbone)
        self.backbone = backbone
        self.standardized = (
            nn.Identity() if feature_stats is None else _standardizer(D, *feature_stats)
        )
        outputs = num_classes if prototypes is None else prototypes.shape[1]
        with torch.random.fork_rng(devices=[]):  # layers draw from torch's global generator
            torch.default_generator.manual_seed(seed)
            self.head = nn.Linear(D, outputs)
        self.dropout = dropout
        self.register_buffer("prototypes", None if prototypes is None else torch.tensor(prototypes))
        networks.channels_last(networks.count_batches_on_cpu(self.to(device())))

    def forward(
        self, images: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return logits (n, C); a generator on the CPU, of dropout, says that this is training."""
        return self.logits(self.hidden(images), generator)

    def hidden(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the last layer sees, (n, D)."""
        features: torch.Tensor = self.standardized(self.backbone(images))
        return features

    def outputs(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the outputs (n, O) of the linear layer for hidden features (n, D)."""
        outputs: torch.Tensor = self.head(hidden)
        return outputs

    def last_layer(self) -> Float32:
        """Return the weights (C, D + 1), bias last, from hidden features to logits."""
        with torch.no_grad():
            weights = torch.cat([self.head.weight, self.head.bias[:, None]], dim=1)
            if self.prototypes is not None:
                weights = self.prototypes @ weights
            return np.asarray(weights.cpu().numpy(), dtype=np.float32).copy()

    def logits(
        self, hidden: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return logits (n, C) of (n, D); with a generator, after dropout."""
        if generator is not None and self.dropout:
            hidden = dropout(hidden, self.dropout, generator)
        outputs = self.outputs(hidden)
        return outputs if self.prototypes is None else outputs @ self.prototypes.T

    def probabilities(
        self, hidden: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return class probabilities (n, C) of (n, D), rows sum to one."""
        return self.logits(hidden, generator).softmax(1)


def _standardizer(D: int, mean: Float32, variance: Float32) -> nn.Module:
    """Return a batch norm without weights whose running statistics are these, (D,) each."""
    layer = nn.BatchNorm1d(D, affine=False)
    layer.load_state_dict(
        {
            "running_mean": torch.tensor(mean),
            "running_var": torch.tensor(variance),
            "num_batches_tracked": torch.tensor(0),
        }
    )
    return layer


def dropout(values: torch.Tensor, rate: float, generator: torch.Generator) -> torch.Tensor:
    """Return values (n, D), this fraction of them 0 at random, the others scaled up by it.

    Drawn on the CPU, so that a generator means the same on every device.
    """
    kept = upload(torch.rand(values.shape, generator=generator) >= rate, values.device)
    return values * kept / (1 - rate)


def predict_images(
    classifier: Classifier,
    images: Images,
    predict: TensorFunction,
    prepare: TensorFunction = bytes_to_network_range,
) -> Float32:
    """Return what `predict` makes of the hidden features (n, D) of each batch of images, joined.

    Batch norm uses its running statistics and leaves them as they are.

    Args:
        classifier: put into evaluation mode.
        images: (N, H, W, channels).
        predict: from (n, D) to (n, ...).
        prepare: from a batch (n, channels, H, W) uint8 to what the backbone takes; unaugmented.
    """
    classifier.eval()
    with torch.inference_mode():
        step = batches.inference_batch_size(images)
        starts = range(0, len(images), step)
        parts = (to_device(images[start : start + step]) for start in starts)
        predictions = [predict(classifier.hidden(prepare(part))).cpu() for part in parts]
        return torch.cat(predictions).numpy()


def predict_hidden(hidden: Float32, predict: TensorFunction) -> Float32:
    """Return what `predict` makes of hidden features (N, D), some rows at a time, joined."""
    where = device()
    with torch.inference_mode():
        starts = range(0, len(hidden), _HIDDEN_ROWS)
        parts = (
            torch.tensor(hidden[start : start + _HIDDEN_ROWS], device=where) for start in starts
        )
        return torch.cat([predict(part).cpu() for part in parts]).numpy()
