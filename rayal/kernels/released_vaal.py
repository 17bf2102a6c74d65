"""The networks and losses of VAAL as its authors released them (github.com/sinhasam/vaal).

Sinha, Ebrahimi and Darrell, "Variational Adversarial Active Learning", ICCV 2019. Four convolutions
of stride 2 with batch norm; the squared error of pixels is a mean over pixels and images while the
divergence is a sum over both dimensions and images. What the code leaves open is decided here: the
last, smaller batch of labeled images is used, so that fewer labels than a batch can be, and images
are made 32 pixels wide and high, the only size of its networks.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from rayal.kernels.discriminator import (
    LARGEST,
    AdversarialPair,
    Autoencoder,
    Batches,
    cross_entropy,
    take,
)

_WIDTHS = (128, 256, 512, 1024)  # channels of the encoder's layers
_HALVED = 2  # pixels of a side after four layers of stride 2, of 32
_ENLARGED = 4  # pixels of a side that the decoder begins with


class ReleasedAutoencoder(Autoencoder):
    """Images (n, channels, 32, 32) in 0..1 -> mean and log-variance (n, latent) -> pixels in -1..1.

    Batch norm takes the statistics of the batch, at the query too, as the released code does.
    """

    def __init__(self, shape: tuple[int, ...], latent: int) -> None:
        nn.Module.__init__(self)
        channels, last = shape[0], _WIDTHS[-1]
        halvings = zip((channels, *_WIDTHS[:-1]), _WIDTHS, strict=True)
        doublings = zip(_WIDTHS[:0:-1], _WIDTHS[-2::-1], strict=True)
        self.encoder = nn.Sequential(
            *(layer for a, b in halvings for layer in _block(nn.Conv2d, a, b)), nn.Flatten()
        )
        self.mean = nn.Linear(last * _HALVED**2, latent)
        self.log_variance = nn.Linear(last * _HALVED**2, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, last * _ENLARGED**2),
            nn.Unflatten(1, (last, _ENLARGED, _ENLARGED)),
            *(layer for a, b in doublings for layer in _block(nn.ConvTranspose2d, a, b)),
            nn.ConvTranspose2d(_WIDTHS[0], channels, 1),
        )
        _initialize([*self.encoder, *self.decoder])

    def describe(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and log-variance (n, latent) of the images' latent vectors."""
        encoded = self.encoder(signed(images))
        return self.mean(encoded), self.log_variance(encoded)


class ReleasedPair(AdversarialPair):
    """The released networks, trained in turn; labeled and unlabeled images pass them apart.

    Each update of the autoencoder sees new batches, and the last of these are the discriminator's,
    which is updated once.
    """

    multiple: ClassVar[int] = LARGEST

    @staticmethod
    def networks(shape: tuple[int, ...], latent: int) -> tuple[Autoencoder, nn.Sequential]:
        """Return both networks for images of this shape, (channels, 32, 32), with new weights."""
        _, discriminator = AdversarialPair.networks(shape, latent)
        _initialize([*discriminator])
        return ReleasedAutoencoder(shape, latent), discriminator

    def train(self, batches: Batches) -> None:
        """Update both networks on batches of images (n, channels, h, w) in 0..1 of each kind."""
        for _ in range(self.training.updates):
            labeled, unlabeled = next(batches)
            self._update(0, self.deceiving_loss(labeled) + self.deceiving_loss(unlabeled))
        with torch.no_grad():
            means = [self.autoencoder.describe(kind)[0] for kind in (labeled, unlabeled)]
        self._update(1, self._kinds_loss(*means))

    def deceiving_loss(self, images: torch.Tensor) -> torch.Tensor:
        """Return what images (n, channels, 32, 32) of one kind add to the autoencoder's loss.

        Mean squared error + beta * sum of divergences + adversary * mean cross-entropy of deceit.
        """
        mean, log_variance = self.autoencoder.describe(images)
        noise = torch.randn(mean.shape, generator=self.generator).to(mean.device, non_blocking=True)
        pixels = self.autoencoder.decoder(mean + noise * torch.exp(0.5 * log_variance))
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        judged = self.discriminator(mean)
        fooling = cross_entropy(judged, torch.ones_like(judged)).mean()
        error = nn.functional.mse_loss(pixels, signed(images))
        loss: torch.Tensor = error + self.training.beta * divergence
        return loss + self.training.adversary * fooling

    @torch.inference_mode()
    def judge(self, planes: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Return the discriminator's logit (n,) of "labeled" for planes at these positions.

        In batches of training's size in random order, since batch norm reads the others of a batch.
        """
        order = torch.randperm(len(positions), generator=self.generator)
        judged = [
            self.discriminator(self.autoencoder.describe(take(planes, positions[part]))[0])[:, 0]
            for part in torch.split(order, self.training.batch_size)
        ]
        return torch.cat(judged)[order.argsort().to(planes.device)]

    def _kinds_loss(self, labeled: torch.Tensor, unlabeled: torch.Tensor) -> torch.Tensor:
        known, unknown = self.discriminator(labeled), self.discriminator(unlabeled)
        right = cross_entropy(known, torch.ones_like(known)).mean()
        return right + cross_entropy(unknown, torch.zeros_like(unknown)).mean()


def signed(images: torch.Tensor) -> torch.Tensor:
    """Return images (n, channels, h, w) in 0..1 as numbers in -1..1."""
    return images * 2 - 1


def _block(
    layer: type[nn.Conv2d | nn.ConvTranspose2d], inputs: int, outputs: int
) -> list[nn.Module]:
    norm = nn.BatchNorm2d(outputs, track_running_stats=False)
    return [layer(inputs, outputs, 4, 2, padding=1, bias=False), norm, nn.ReLU()]


def _initialize(layers: list[nn.Module]) -> None:
    """Draw weights after He et al. of what the released code draws them of; the rest is torch's."""
    for layer in layers:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
