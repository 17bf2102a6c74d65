"""MoCo v2 as lightly's own example trains it, a step at a time, to compare with.

Its building blocks: two networks of torchvision, MoCoProjectionHead, NTXentLoss with a memory
bank, update_momentum, and MoCoV2Transform on PIL images in a DataLoader with worker processes. It
keeps no dataset map.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from rayal.vision.device import device
from rayal.vision.precision import Precision, autocast
from rayal.vision.torchvision_cpu import torchvision

SIZE, QUEUE, D = 28, 4096, 128


def has_lightly() -> bool:
    """Whether the package is installed; rayal does not need it."""
    return find_spec("lightly") is not None


class _Pictures(torch.utils.data.Dataset[Any]):
    """Random images, transformed one at a time."""

    def __init__(self, images: int, transform: Callable[[Any], Any]) -> None:
        rng = np.random.default_rng(0)
        self._pixels: npt.NDArray[np.uint8] = rng.integers(
            0, 256, (images, SIZE, SIZE, 3), dtype=np.uint8
        )
        self._transform = transform

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> Any:
        from PIL import Image

        return self._transform(Image.fromarray(self._pixels[index]))


class Lightly:
    """Query and key network of lightly's building blocks, with its loader."""

    def __init__(
        self, batch: int, steps: int, workers: int, precision: Precision | None = None
    ) -> None:
        torchvision()  # lightly imports it
        from lightly.loss import NTXentLoss
        from lightly.models.modules import MoCoProjectionHead
        from lightly.transforms.moco_transform import MoCoV2Transform

        backbone = torchvision().models.resnet18(weights=None)
        backbone.fc = nn.Identity()
        head = MoCoProjectionHead(512, 512, D)
        self._query = nn.Sequential(backbone, head).to(device())
        # torch's annotations lack this form of `to`, which its documentation has.
        self._query.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._key = copy.deepcopy(self._query).requires_grad_(False)
        self._loss = NTXentLoss(temperature=0.2, memory_bank_size=(QUEUE, D)).to(device())
        self._optimiser = torch.optim.SGD(self._query.parameters(), 0.03, 0.9, weight_decay=1e-4)
        self._half = autocast(device(), precision)
        self._ahead, self._steps = 2 * workers, steps
        pictures = _Pictures(
            batch * (steps + 2 * self._ahead), MoCoV2Transform(input_size=SIZE, min_scale=0.08)
        )
        self._loader: Any = torch.utils.data.DataLoader(
            pictures, batch, shuffle=True, drop_last=True, num_workers=workers,
            persistent_workers=workers > 0, pin_memory=torch.cuda.is_available(),
        )  # fmt: skip

    def seconds_a_step(self) -> float:
        """Train for one pass over the images; the clock runs while the loader is in its pace.

        Its workers are ahead by two batches each: what they had ready at the first step would
        count as made in no time, and with no more to make at the end they would leave the cores
        to the last steps. Neither is measured.
        """
        times = [time.perf_counter()]
        for query, key in self._loader:
            self._step(*(view.to(device(), non_blocking=True) for view in (query, key)))
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times.append(time.perf_counter())
        return (times[self._ahead + self._steps] - times[self._ahead]) / self._steps

    def _step(self, query: torch.Tensor, key: torch.Tensor) -> None:
        from lightly.models.utils import update_momentum

        update_momentum(self._query, self._key, m=0.999)
        with self._half:
            queries = self._query(query)
            with torch.no_grad():
                keys = self._key(key)
        loss = self._loss(queries.float(), keys.float())
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
