"""Speed of a learner's training against its network alone: python -m benchmarks.training.

Measured: images a second of an epoch of the learner `scratch` (ResNet-18 with the stem for CIFAR,
RGB images of 28 and of 32 pixels: batches, crop and flip, network, loss, gradients, SGD with
Nesterov momentum). The yardstick runs in turn with it, epoch for epoch, so that a busy machine
slows both alike: a plain PyTorch loop over the same network on a random tensor that stands ready,
with loss, gradients and SGD, and without data or augmentation. Both use channels last, and
bfloat16 on a GPU.

Accepted when training reaches 90 % of the images a second of the plain loop, at both sizes.
Figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from benchmarks.device_time import seconds_on_device
from rayal.vision import networks
from rayal.vision.classifier import Classifier
from rayal.vision.device import device
from rayal.vision.training import LabeledImages, fit
from rayal.vision.training_recipe import TrainingRecipe

SIZES = (28, 32)
CLASSES = 10
ACCEPTED = 0.9


def training(size: int, n: int, batch_size: int) -> Callable[[], object]:
    """Return a function that trains for one epoch over n random images."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(n, size, size, 3), dtype=np.uint8)
    images = LabeledImages(pixels, rng.integers(CLASSES, size=n))
    classifier = Classifier(networks.backbone("resnet18", "cifar", 3, seed=0), CLASSES, 0)
    recipe = TrainingRecipe(
        epochs=1,
        batch_size=batch_size,
        lr=0.02,
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
        augmentation="crop_flip",
    )
    return lambda: fit(classifier, images, recipe, seed=0)


def plain_loop(size: int, n: int, batch_size: int) -> Callable[[], object]:
    """Return a function that makes an epoch's steps on one random tensor."""
    where = device()
    base = networks.backbone("resnet18", "cifar", 3, seed=0)
    network = nn.Sequential(base, nn.Linear(512, CLASSES)).to(where).train()
    networks.channels_last(network)
    moving = torch.optim.SGD(
        network.parameters(), 0.02, 0.9, weight_decay=5e-4, nesterov=True, fused=True
    )
    tensors = torch.randn(batch_size, 3, size, size, device=where)
    tensors = tensors.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (batch_size,), device=where)

    def run() -> None:
        for _ in range(n // batch_size):
            with torch.autocast(where.type, torch.bfloat16, enabled=where.type == "cuda"):
                logits = network(tensors)
            loss = nn.functional.cross_entropy(logits.float(), labels)
            moving.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            moving.step()

    return run


def ratio(size: int, rounds: int, batches: int, batch_size: int) -> float:
    """Print images a second at one size; return what part of the plain loop's training reaches."""
    n = batches * batch_size
    runs = [make(size, n, batch_size) for make in (training, plain_loop)]
    for run in runs:
        run()
    times = np.array([[seconds_on_device(run) for run in runs] for _ in range(rounds)])
    speeds = n / np.median(times, axis=0)
    reached = float(np.median(times[:, 1] / times[:, 0]))
    print(
        f"{size} pixels: training {speeds[0]:.0f} images/s, plain loop {speeds[1]:.0f} images/s; "
        f"training reaches {reached:.0%} of it"
    )
    return reached


def main() -> int:
    """Print images a second and the ratios; return 0 when training is fast enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4, help="epochs of each kind and size")
    parser.add_argument("--batches", type=int, default=2, help="steps in an epoch")
    parser.add_argument("--batch", type=int, default=64, help="images in a step")
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, {device()}, batch {options.batch}")
    lowest = min(ratio(size, options.rounds, options.batches, options.batch) for size in SIZES)
    verdict = "accepted" if lowest >= ACCEPTED else "REFUSED"
    print(f"{verdict}: {lowest:.0%}, at least {ACCEPTED:.0%}")
    return 0 if lowest >= ACCEPTED else 1


if __name__ == "__main__":
    raise SystemExit(main())
