"""A variational autoencoder against a discriminator of labeled and unlabeled images.

Sinha, Ebrahimi and Darrell, "Variational Adversarial Active Learning", ICCV 2019, section 3. The
autoencoder describes images of both kinds by latent vectors that shall not give the kind away;
the discriminator tells the kind from a latent vector nevertheless. The networks and losses of the
authors' code are in `released_vaal`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

LARGEST = 32  # pixels; larger images are made smaller
_MULTIPLE = 4  # two layers of stride 2 halve a side twice
_CHUNK = 1024  # images worked on at once outside training
_HIDDEN = 512  # units in each of the discriminator's two layers
_WIDTHS = (32, 64)  # channels of the autoencoder's two layers

Int64 = npt.NDArray[np.int64]
Batches: TypeAlias = Iterator[tuple[torch.Tensor, torch.Tensor]]  # of labeled, unlabeled images


@dataclass(frozen=True)
class Training:
    """How the two networks are trained.

    epochs: passes over the pool; updates: of each network for each pair of batches; latent:
    dimensions of the latent vectors; batch_size: labeled, and as many unlabeled, images in an
    update, at most; lr: of Adam, both networks; beta: weight of the divergence from the prior;
    adversary: weight of fooling the discriminator.
    """

    epochs: int
    updates: int
    latent: int
    batch_size: int
    lr: float
    beta: float
    adversary: float


def probability_of_label(
    images: npt.NDArray[np.uint8],
    labeled: Int64,
    unlabeled: Int64,
    seed: int,
    training: Training,
    recipe: type[AdversarialPair] | None = None,
) -> npt.NDArray[np.float64]:
    """Return (U,) the discriminator's probability that each unlabeled image is a labeled one.

    On a CPU the same arguments and number of threads give the same answer; torch's global
    generators are left as they were.

    Args:
        images: (N, H, W, channels).
        labeled: positions (L,), at least one.
        unlabeled: positions (U,), at least one.
        seed: of initial weights, batches and noise.
        training: how the networks are trained.
        recipe: networks and losses; those of this module where none is given.

    Raises:
        FloatingPointError: training diverged.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = torch.Generator().manual_seed(seed)
    recipe = recipe or AdversarialPair
    planes = shrink(images, recipe.multiple).to(device)
    autoencoder, discriminator = _networks(planes.shape[1:], training.latent, seed, recipe)
    pair = recipe(autoencoder.to(device), discriminator.to(device), generator, training)
    batches = _pairs(planes, labeled, unlabeled, training.batch_size, generator)
    for _ in range(training.epochs * -(-len(planes) // training.batch_size)):
        pair.train(batches)
    logits = pair.judge(planes, torch.tensor(unlabeled)).double().cpu()
    if not logits.isfinite().all():
        raise FloatingPointError(
            f"VAAL diverged: {int((~logits.isfinite()).sum())} of {len(logits)} scores are not "
            f"finite after training at learning rate {training.lr:.3g}; lower lr"
        )
    return np.asarray(torch.sigmoid(logits).numpy())


def shrink(images: npt.NDArray[np.uint8], multiple: int = _MULTIPLE) -> torch.Tensor:
    """Return (N, channels, h, w) uint8, h and w multiples of this and at most 32.

    Sides above 32 pixels are averaged down to 32, others padded with their border.
    """
    parts = []
    for start in range(0, len(images), _CHUNK):
        part = images[start : start + _CHUNK].transpose(0, 3, 1, 2)
        planes = torch.from_numpy(np.array(part, dtype=np.float32, order="C"))
        h, w = (min(side, LARGEST) for side in planes.shape[2:])
        planes = nn.functional.adaptive_avg_pool2d(planes, (h, w))
        right, below = -w % multiple, -h % multiple
        planes = nn.functional.pad(planes, (0, right, 0, below), mode="replicate")
        parts.append(planes.round_().to(torch.uint8))
    return torch.cat(parts)


class Autoencoder(nn.Module):
    """Images (n, channels, h, w) in 0..1 -> mean and log-variance (n, latent) -> logits of images.

    Two convolutions of stride 2 either way and no batch norm, which would tell an image of the
    other images, and so of the kind, of its batch.
    """

    def __init__(self, shape: tuple[int, ...], latent: int) -> None:
        super().__init__()
        channels, h, w = shape
        first, second = _WIDTHS
        small = (second, h // _MULTIPLE, w // _MULTIPLE)
        size = small[0] * small[1] * small[2]
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, first, 4, 2, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 4, 2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(size, 2 * latent),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, size),
            nn.ReLU(),
            nn.Unflatten(1, small),
            nn.ConvTranspose2d(second, first, 4, 2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(first, channels, 4, 2, padding=1),
        )

    def describe(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and log-variance (n, latent) of the images' latent vectors."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance


class AdversarialPair:
    """An autoencoder and a discriminator that are trained in turn.

    The discriminator sees the means of latent vectors, as in the released code, without noise.
    """

    multiple: ClassVar[int] = _MULTIPLE  # of which the sides of images are

    def __init__(
        self,
        autoencoder: Autoencoder,
        discriminator: nn.Module,
        generator: torch.Generator,
        training: Training,
    ) -> None:
        self.autoencoder = autoencoder
        self.discriminator = discriminator
        self.generator = generator
        self.training = training
        both = (autoencoder, discriminator)
        self._optimizers = [
            torch.optim.Adam(net.parameters(), training.lr, fused=True) for net in both
        ]

    @staticmethod
    def networks(shape: tuple[int, ...], latent: int) -> tuple[Autoencoder, nn.Sequential]:
        """Return both networks for images of this shape, (channels, h, w), with new weights."""
        discriminator = nn.Sequential(
            nn.Linear(latent, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, 1),
        )
        return Autoencoder(shape, latent), discriminator

    def train(self, batches: Batches) -> None:
        """Update both networks on batches of images (n, channels, h, w) in 0..1 of each kind."""
        labeled, unlabeled = next(batches)
        images = torch.cat([labeled, unlabeled])
        weights = equal_halves(len(labeled), len(unlabeled)).to(images.device, non_blocking=True)
        kinds = (torch.arange(len(images), device=images.device) < len(labeled)).float()
        for _ in range(self.training.updates):
            self._update(0, self.autoencoder_loss(images, weights))
        with torch.no_grad():
            means, _ = self.autoencoder.describe(images)
        for _ in range(self.training.updates):
            self._update(1, self.discriminator_loss(means, kinds, weights))

    def autoencoder_loss(self, images: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return reconstruction + beta KL + adversary (Sinha et al., Eq. 1-3).

        Of images (n, channels, H, W) with weights (n,). Pixels in 0..1 are reconstructed as
        Bernoulli means (Kingma and Welling 2014), summed over an image like the divergence. A mean
        over pixels, as in the released code, is so small beside the divergence that latent vectors
        lose the images.
        """
        mean, log_variance = self.autoencoder.describe(images)
        noise = torch.randn(mean.shape, generator=self.generator).to(mean.device, non_blocking=True)
        logits = self.autoencoder.decoder(mean + noise * torch.exp(0.5 * log_variance))
        pixels = cross_entropy(logits, images).flatten(1).sum(1)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        judged = self.discriminator(mean)[:, 0]
        fooling = cross_entropy(judged, torch.ones_like(judged))
        loss = pixels + self.training.beta * divergence + self.training.adversary * fooling
        return (weights * loss).sum()

    def discriminator_loss(
        self, means: torch.Tensor, kinds: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Return the cross-entropy of kinds (n,), 1 labeled and 0 unlabeled (Eq. 4)."""
        return (weights * cross_entropy(self.discriminator(means)[:, 0], kinds)).sum()

    @torch.inference_mode()
    def judge(self, planes: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Return the discriminator's logit (n,) of "labeled" for planes at these positions."""
        judged = [
            self.discriminator(self.autoencoder.describe(take(planes, part))[0])[:, 0]
            for part in torch.split(positions, _CHUNK)
        ]
        return torch.cat(judged)

    def _update(self, which: int, loss: torch.Tensor) -> None:
        optimizer = self._optimizers[which]
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = torch.autograd.grad(loss, parameters)  # of this network alone
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()


def equal_halves(labeled: int, unlabeled: int) -> torch.Tensor:
    """Return weights of the rows of a batch: each kind counts as its mean, however many it has."""
    return torch.cat([torch.full((labeled,), 1 / labeled), torch.full((unlabeled,), 1 / unlabeled)])


def _networks(
    shape: tuple[int, ...],
    latent: int,
    seed: int,
    recipe: type[AdversarialPair] = AdversarialPair,
) -> tuple[Autoencoder, nn.Module]:
    with torch.random.fork_rng(devices=[]):  # layers draw from torch's global generator
        torch.default_generator.manual_seed(seed)
        return recipe.networks(shape, latent)


def _pairs(
    planes: torch.Tensor,
    labeled: Int64,
    unlabeled: Int64,
    batch_size: int,
    generator: torch.Generator,
) -> Batches:
    """Yield batches of labeled and of unlabeled images, without end."""
    streams = [_shuffled(kind, batch_size, generator) for kind in (labeled, unlabeled)]
    for known, unknown in zip(*streams, strict=True):
        yield take(planes, known), take(planes, unknown)


def _shuffled(
    positions: Int64, batch_size: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """Yield batches of positions in random order, again and again."""
    every = torch.tensor(positions)
    while True:
        shuffled = every[torch.randperm(len(every), generator=generator)]
        yield from torch.split(shuffled, batch_size)


def take(planes: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Return the images (n, channels, h, w) at these positions (n,), as numbers in 0..1."""
    return planes[positions.to(planes.device, non_blocking=True)].float().div_(255)


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy (n, ...) of logits (n, ...) and targets in 0..1 of their shape."""
    return nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
