"""Which images each step of training sees, and how many pass through a network at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch

INFERENCE_BATCH = 512  # images that pass through a network at once, at most
_PIXELS = INFERENCE_BATCH * 96 * 96  # of them: a ResNet's activations are then about a gigabyte


def inference_batch_size(images: npt.NDArray[np.uint8]) -> int:
    """Return how many of images (N, H, W, channels) pass through a network at once.

    512, fewer of more than 96 pixels a side.
    """
    pixels = int(images.shape[1]) * int(images.shape[2])
    return min(INFERENCE_BATCH, max(1, _PIXELS // pixels))


def epoch(n: int, size: int, least: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Yield the batches of one epoch over n images, (m,) indices each.

    An epoch is one pass, or as many as give `least` batches. In a pass every image comes once and
    sizes differ by one at most, so that no batch is too small for batch norm: one may hold an
    image more than asked for. A lone image comes twice in its batch, for the same reason.

    Args:
        n: images, at least 1.
        size: of a batch, at least 2.
        least: batches, at least 1.
        generator: shuffles each pass.
    """
    steps = max(1, min(-(-n // size), n // 2))
    for _ in range(-(-least // steps)):
        order = torch.randperm(n, generator=generator)
        yield from (order if n > 1 else order.repeat(2)).tensor_split(steps)


Item = TypeVar("Item")


def made_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items, each made in a thread while the one before is worked on."""
    remaining, end = iter(items), object()
    with ThreadPoolExecutor(1, thread_name_prefix="draws") as thread:
        future = thread.submit(next, remaining, end)
        while (item := future.result()) is not end:
            future = thread.submit(next, remaining, end)
            yield cast(Item, item)


def endless(n: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Yield batches of exactly `size` indices for ever: shuffled passes over n, end to end."""
    rest = torch.empty(0, dtype=torch.int64)
    while True:
        while len(rest) < size:
            rest = torch.cat([rest, torch.randperm(n, generator=generator)])
        yield rest[:size]
        rest = rest[size:]
