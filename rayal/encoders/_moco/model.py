"""Momentum contrast (He et al. 2020; MoCo v2: Chen et al. 2020b): two networks and a queue."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from rayal.vision import networks
from rayal.vision.precision import Precision, autocast


class Projector(nn.Module):
    """A backbone and a projection head of two layers, as wide as the backbone's features."""

    def __init__(self, backbone: nn.Module, projection: int, seed: int) -> None:
        super().__init__()
        D = networks.num_features(backbone)
        self.backbone = backbone
        with torch.random.fork_rng(devices=[]):  # layers draw from torch's global generator
            torch.default_generator.manual_seed(seed)
            self.head = nn.Sequential(nn.Linear(D, D), nn.ReLU(), nn.Linear(D, projection))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return unit-length projections (n, projection) float32."""
        projections: torch.Tensor = self.head(self.backbone(images)).float()
        return nn.functional.normalize(projections, dim=1)


class MomentumContrast:
    """A query network that learns, a key network that follows it, and the latest keys.

    Batch norm must not tell a query which keys came from its own batch: were both normalized by
    that batch's statistics, they would carry a common mark that no key in the queue has. MoCo
    shuffles the images between devices against it. On one device the key network is instead
    normalized with a moving average of the query network's statistics, of the same momentum as
    its weights (EMAN, Cai et al. 2021): a key then depends on its own image alone.
    """

    def __init__(  # noqa: PLR0913  each is a setting of its own
        self,
        query: Projector,
        queue: torch.Tensor,
        *,
        temperature: float,
        momentum: float,
        device: torch.device,
        precision: Precision | None = None,
        compiled: bool = False,
    ) -> None:
        self.query = query.to(device).train()
        networks.channels_last(self.query)
        self.key = copy.deepcopy(self.query).eval()
        if compiled:  # in place: names of weights stay
            self.query.compile()
            self.key.compile()
        else:  # a compiled network counts in a kernel that it has anyway
            networks.count_batches_on_cpu(self.query)
        self.queue = nn.functional.normalize(queue, dim=1).to(device)
        self.temperature = temperature
        self.momentum = momentum
        self._oldest = 0
        self._autocast = autocast(device, precision)
        self._key_tensors = list(_float_tensors(self.key))
        self._query_tensors = list(_float_tensors(self.query))

    def calibrate(self, batches: Iterable[torch.Tensor]) -> None:
        """Start both networks' batch-norm statistics at the initial weights' true ones.

        A slow average that started at mean 0 and variance 1 would be wrong for a thousand steps.

        Args:
            batches: images (n, channels, H, W) in -1..1 each.
        """
        norms = [layer for layer in self.query.modules() if isinstance(layer, nn.BatchNorm2d)]
        momenta = [layer.momentum for layer in norms]
        for layer in norms:
            layer.momentum = None  # averages all batches evenly
        for batch in batches:
            with torch.inference_mode(), self._autocast:
                self.query.forward(batch)  # never compiled: these few batches are not worth it
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
        self.key.load_state_dict(self.query.state_dict())

    def forward(
        self, view1: torch.Tensor, view2: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the loss and the projections (n, d) of queries and keys.

        Args:
            view1: (n, channels, H, W), for the query network.
            view2: (n, channels, H, W) of the same images, for the key network.
        """
        with torch.inference_mode(), self._autocast:
            inferred = self.key(view2)
        keys = inferred.clone()  # a clone may take part in automatic differentiation
        with self._autocast:
            queries = self.query(view1)
        return info_nce(queries, keys, self.queue, self.temperature), queries.detach(), keys

    @torch.no_grad()
    def project(self, view: torch.Tensor) -> torch.Tensor:
        """Return projections (n, d) of images by the query network, which stays as it is.

        Batch norm takes the statistics of these images, as it does in training.
        """
        norms = [layer for layer in self.query.modules() if isinstance(layer, nn.BatchNorm2d)]
        momenta = [layer.momentum for layer in norms]
        for layer in norms:
            layer.momentum = 0.0  # running statistics stay
        with self._autocast:
            projections: torch.Tensor = self.query.forward(view)
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
        return projections

    @torch.no_grad()
    def momentum_update(self) -> None:
        """Move the key network's weights and statistics towards the query network's."""
        torch._foreach_lerp_(self._key_tensors, self._query_tensors, 1 - self.momentum)

    @torch.no_grad()
    def enqueue(self, keys: torch.Tensor) -> None:
        """Put keys (n, d) in the place of the oldest; of more than fit, the last ones stay."""
        size = len(self.queue)
        keys = keys[-size:]
        positions = (torch.arange(len(keys), device=keys.device) + self._oldest) % size
        self.queue[positions] = keys
        self._oldest = (self._oldest + len(keys)) % size

    def tensors(self) -> list[torch.Tensor]:
        """Return the weights and statistics of both networks, and the queue."""
        return [*self._query_tensors, *self._key_tensors, self.queue]

    @torch.no_grad()
    def is_finite(self) -> bool:
        """Whether the query network's weights are numbers."""
        norms = torch._foreach_norm(self._query_tensors)
        return bool(torch.isfinite(torch.stack(norms)).all())

    def state_dict(self) -> dict[str, Any]:
        """Return all that determines how training goes on; the names are the file's."""
        return {
            "query": self.query.state_dict(),
            "key": self.key.state_dict(),
            "queue": self.queue,
            "oldest": self._oldest,
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Take back what `state_dict` returned."""
        self.query.load_state_dict(state["query"])
        self.key.load_state_dict(state["key"])
        self.queue.copy_(state["queue"])
        self._oldest = int(state["oldest"])


def info_nce(
    queries: torch.Tensor, keys: torch.Tensor, queue: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Return the mean of -log p(own key | own key and queue) (van den Oord et al. 2018).

    queries, keys: (n, d); queue: (Q, d); all of unit length.
    """
    scaled = queries / temperature
    positive = (scaled * keys).sum(1)
    log_normalizer = torch.logaddexp(torch.logsumexp(scaled @ queue.T, 1), positive)
    return (log_normalizer - positive).mean()


def _float_tensors(network: nn.Module) -> Iterable[torch.Tensor]:
    """Yield the weights and the batch-norm statistics, without the counters."""
    return (t for t in network.state_dict().values() if t.is_floating_point())
