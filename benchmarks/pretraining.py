"""Speed of a pre-training step against its networks alone: python -m benchmarks.pretraining.

Measured: images a second of a whole step of MoCo v2 (two augmented views of each image, query and
key network, queue of 4,096 keys, loss, gradients, SGD, momentum update, dataset map at five
temperatures) with ResNet-18, RGB images of 28 pixels and batches of 256. Two yardsticks run in
turn with it, step for step, so that a busy machine slows all three alike; neither has
augmentation, queue, optimizer, momentum update or map, only one forward and backward pass of a
query and one forward pass of a key network on random tensors:

* same networks: those that rayal trains, its fast 3x3 convolutions included;
* torchvision's networks: resnet18 as torchvision builds it, channels last as well.

A third runs beside them where lightly is installed (pip install lightly): the same recipe of its
building blocks and its MoCoV2Transform in a DataLoader, whole steps, without a dataset map. Its
worker processes would work on through the others' turns, so it takes turns with the whole step by
passes of several steps, once for each number of workers; the fastest counts.

Accepted when the whole step reaches 75 % of the images a second of the same networks (85 % is the
aim) and 2.3 times lightly's. Figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from benchmarks import pretraining_peers
from benchmarks.device_time import seconds_on_device
from rayal.encoders._moco.model import MomentumContrast, Projector
from rayal.encoders._moco.setup import sgd
from rayal.encoders._moco.training import Pretraining, RandomViews
from rayal.encoders._training.dataset_map import DatasetMapRecorder
from rayal.encoders._training.schedule import PretrainingSchedule
from rayal.vision import networks
from rayal.vision.augmentation_params import augmentation_ranges
from rayal.vision.device import device
from rayal.vision.precision import Precision, autocast
from rayal.vision.torchvision_cpu import torchvision

SIZE = 28
TAUS = (0.2, 0.1, 0.05, 0.01, 0.001)
ACCEPTED = 0.75  # of the same networks alone
FASTER = 2.3  # than lightly
PASS = 5  # steps


def whole_step(n: int, precision: Precision | None, images: int = 2048) -> Callable[[], object]:
    """Return a function that trains on one batch of n random images."""
    generator = torch.Generator().manual_seed(0)
    where = device()
    pixels = torch.randint(
        0, 256, (images, 3, SIZE, SIZE), dtype=torch.uint8, generator=generator
    ).to(where)
    contrast = momentum_contrast(networks.backbone("resnet18", "imagenet", 3, seed=0), precision)
    views = RandomViews(pixels, augmentation_ranges("rgb", (0.08, 1.0), True), generator)
    pretraining = Pretraining(
        contrast,
        views,
        PretrainingSchedule(images, 1, n, 1, 0, 0.03),
        DatasetMapRecorder(images, TAUS, where),
        sgd(contrast, 0.03, weight_decay=1e-4),
    )

    def run() -> None:
        pretraining.step(torch.randperm(images, generator=generator)[:n])

    return run


def bare(backbone: nn.Module, n: int, precision: Precision | None) -> Callable[[], object]:
    """Return a function that passes n random images through both networks, and back through one."""
    contrast = momentum_contrast(backbone, precision)
    half = autocast(device(), precision)
    tensors = torch.randn(n, 3, SIZE, SIZE, device=device())
    tensors = tensors.contiguous(memory_format=torch.channels_last)

    def run() -> None:
        with torch.inference_mode(), half:
            keys = contrast.key(tensors)
        with half:
            queries = contrast.query(tensors)
        contrast.query.zero_grad(set_to_none=True)
        torch.autograd.backward(-(queries * keys.clone()).sum(1).mean())

    return run


def momentum_contrast(backbone: nn.Module, precision: Precision | None) -> MomentumContrast:
    """Return query and key network with a queue of 4,096 keys."""
    return MomentumContrast(
        Projector(backbone, 128, seed=0),
        torch.randn(4096, 128, generator=torch.Generator().manual_seed(0)),
        temperature=0.2,
        momentum=0.999,
        device=device(),
        precision=precision,
    )


def torchvision_backbone() -> nn.Module:
    """Return torchvision's own resnet18 without its classifier."""
    network: nn.Module = torchvision().models.resnet18(weights=None)
    network.fc = nn.Identity()
    return network


def against_networks(batch: int, rounds: int, precision: Precision | None) -> float:
    """Print how the whole step compares with bare networks; return its part of the same ones."""
    same = networks.backbone("resnet18", "imagenet", 3, seed=0)
    runs = {
        "whole step": whole_step(batch, precision),
        "same networks": bare(same, batch, precision),
        "torchvision's networks": bare(torchvision_backbone(), batch, precision),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for warm in [False] * 2 + [True] * rounds:
        for name, run in runs.items():
            taken = seconds_on_device(run)
            if warm:
                times[name].append(taken)
    whole_steps = np.array(times["whole step"])
    for name, each in times.items():
        ratio = float(np.median(np.array(each) / whole_steps))
        speed = batch / np.median(each)
        print(f"{name:24s}{speed:8.0f} images/s   whole step reaches {ratio:.0%} of it")
    return float(np.median(np.array(times["same networks"]) / whole_steps))


def against_lightly(
    batch: int, rounds: int, workers: list[int], precision: Precision | None
) -> float:
    """Print how the whole step compares with lightly's; return how many times as fast it is."""
    step = whole_step(batch, precision)
    ratios = []
    for number in workers:
        peer = pretraining_peers.Lightly(batch, PASS, number, precision)
        times = []
        for warm in [False] + [True] * rounds:
            step()  # in its pace, as the loader is
            ours = sum(seconds_on_device(step) for _ in range(PASS)) / PASS
            theirs = peer.seconds_a_step()
            if warm:
                times.append((ours, theirs))
        ours, theirs = np.array(times).T
        ratios.append(float(np.median(theirs / ours)))
        speed = batch / np.median(theirs)
        print(f"lightly, {number} workers {speed:14.0f} images/s   ", end="")
        print(f"whole step {batch / np.median(ours):.0f}, {ratios[-1]:.2f} times as fast")
    return min(ratios)


def main() -> int:
    """Print images a second and the ratios; return 0 when the step is fast enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="steps of each kind")
    parser.add_argument("--passes", type=int, default=3, help="passes beside lightly")
    parser.add_argument("--batch", type=int, default=256, help="images in a step")
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[0, 1, 2], help="numbers of lightly's workers"
    )
    parser.add_argument(
        "--precision", choices=["float32", "bf16"], help="of all (default: bf16 on a GPU)"
    )
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, {device()}, batch {options.batch}", end=", ")
    print(options.precision or "usual precision")
    part = against_networks(options.batch, options.rounds, options.precision)
    accepted = part >= ACCEPTED
    print(f"{_verdict(accepted)}: {part:.0%} of the same networks, at least {ACCEPTED:.0%}")
    if not pretraining_peers.has_lightly():
        print("lightly is not installed, so it is not compared with: pip install lightly")
        return 0 if accepted else 1
    times = against_lightly(options.batch, options.passes, options.workers, options.precision)
    print(f"{_verdict(times >= FASTER)}: {times:.2f} times lightly, at least {FASTER}")
    return 0 if accepted and times >= FASTER else 1


def _verdict(accepted: bool) -> str:
    return "accepted" if accepted else "REFUSED"


if __name__ == "__main__":
    raise SystemExit(main())
