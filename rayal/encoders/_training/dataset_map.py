"""The dataset map of contrastive learning: how well each image is told apart (HaCon, Eq. 1-3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from rayal.contracts import DatasetMap

Float32: TypeAlias = npt.NDArray[np.float32]

# Entries of the similarity matrix held at once: 16 MiB, which a CPU's cache holds, or 256 MiB.
_BLOCK = {"cpu": 1 << 22, "cuda": 1 << 26}
_LOWEST_EXPONENT = (
    -80.0
)  # exponents below it add nothing to a sum above 1, and CPUs are slow at them


def confidence(
    z1: torch.Tensor,
    z2: torch.Tensor,
    images: torch.Tensor,
    taus: Sequence[float],
    pairs: slice = slice(None),
) -> torch.Tensor:
    """Return the probability of each positive pair at each temperature, (n, taus) float32.

    p_ij = exp(sim(z_i, z_j) / tau) / sum over the other 2n - 1 rows, averaged over both anchors
    (HaCon, Eq. 1-2, with the temperature inside the exponential; printed outside it cancels).
    Further views of the anchor's own image, where a batch holds copies of it, are no negatives.

    Args:
        z1: (n, d) unit-length projections of the first views.
        z2: (n, d) of the second views, row for row of the same images.
        images: (n,) indices of the images.
        taus: temperatures.
        pairs: those asked for; all images are their negatives all the same.
    """
    z, owner = torch.cat([z1, z2]).float(), torch.cat([images, images])
    positive = (z1 * z2).float().sum(1)[pairs].repeat(2)
    anchors, own = torch.cat([z1[pairs], z2[pairs]]).float(), images[pairs].repeat(2)
    probabilities = torch.empty(len(anchors), len(taus), device=z.device)
    step = max(1, _BLOCK[z.device.type] // len(z))
    for start in range(0, len(anchors), step):
        rows = slice(start, start + step)
        same_image = own[rows, None] == owner
        probabilities[rows] = _positive_probability(
            anchors[rows], z, same_image, positive[rows], taus
        )
    return probabilities.view(2, -1, len(taus)).mean(0)


def _positive_probability(
    anchors: torch.Tensor,
    z: torch.Tensor,
    same_image: torch.Tensor,
    positive: torch.Tensor,
    taus: Sequence[float],
) -> torch.Tensor:
    """Return p of each anchor's positive (rows, taus); same_image (rows, 2n) marks its own."""
    negatives = (anchors @ z.T).masked_fill_(same_image, -torch.inf)
    hardest = negatives.amax(1).maximum(positive)
    negatives -= hardest[:, None]
    positive = positive - hardest
    probabilities = []
    for tau in taus:
        # Shifted by the largest similarity no exponent is above 0, so none overflows at any tau.
        own = torch.exp(positive / tau)
        others = torch.exp((negatives / tau).clamp_(min=_LOWEST_EXPONENT))
        probabilities.append(own / (own + others.sum(1)))
    return torch.stack(probabilities, 1)


class Moments:
    """Sums over all records, a row of numbers each, of each of N images, in float64."""

    def __init__(self, N: int, columns: int, device: torch.device) -> None:
        self.count = torch.zeros(N, dtype=torch.int64, device=device)
        self._sum = torch.zeros(N, columns, dtype=torch.float64, device=device)
        self._squares = torch.zeros_like(self._sum)

    def add(self, images: torch.Tensor, records: torch.Tensor) -> None:
        """Add a record (n, columns) for each of images (n,); an image may occur several times."""
        exact = records.double()
        self.count.index_add_(0, images, torch.ones_like(images))
        self._sum.index_add_(0, images, exact)
        self._squares.index_add_(0, images, exact.square())

    def finish(self) -> tuple[Float32, Float32]:
        """Return mean and population standard deviation (N, columns) over each image's records.

        Raises:
            ValueError: an image has no record.
        """
        missing = int((self.count == 0).sum())
        if missing:
            raise ValueError(f"{missing} of {len(self.count)} images have no record in the map")
        mean = self._sum / self.count[:, None]
        variance = (self._squares / self.count[:, None] - mean.square()).clamp_(min=0)
        return mean.float().cpu().numpy(), variance.sqrt().float().cpu().numpy()

    def state_dict(self) -> dict[str, Any]:
        """Return the sums so far."""
        return {"count": self.count, "sum": self._sum, "squares": self._squares}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Take back what `state_dict` returned."""
        self.count.copy_(state["count"])
        self._sum.copy_(state["sum"])
        self._squares.copy_(state["squares"])


class DatasetMapRecorder:
    """The records of each of N images at each temperature."""

    def __init__(self, N: int, taus: Sequence[float], device: torch.device) -> None:
        self.taus = tuple(taus)
        self._moments = Moments(N, len(taus), device)

    def add(self, images: torch.Tensor, records: torch.Tensor) -> None:
        """Add a record (n, taus) for each of images (n,); an image may occur several times."""
        self._moments.add(images, records)

    def state_dict(self) -> dict[str, Any]:
        """Return the sums so far."""
        return self._moments.state_dict()

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Take back what `state_dict` returned."""
        self._moments.load_state_dict(state)

    def finish(self, truth: tuple[Float32, Float32] | None = None) -> DatasetMap:
        """Return the map, with mean and deviation (N,) by ground truth where given.

        Raises:
            ValueError: an image has no record.
        """
        means, deviations = self._moments.finish()
        return DatasetMap(
            confidence={tau: means[:, i].copy() for i, tau in enumerate(self.taus)},
            variability={tau: deviations[:, i].copy() for i, tau in enumerate(self.taus)},
            count=self._moments.count.cpu().numpy(),
            truth=truth,
        )
