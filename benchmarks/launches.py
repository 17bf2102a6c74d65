"""What a training step asks of a GPU, counted without one: python -m benchmarks.launches.

A GPU ends each operation on small images faster than Python starts the next, so a step takes as
long as its launches; and a transfer that is waited for leaves it without any. Both are counted on
a pretend CUDA device (benchmarks/pretend_cuda), which needs a CPU build of PyTorch and a C++
compiler: one launch for an operation, though some operations are several kernels.

A case is run with two numbers of steps; the difference is what one step more costs. What is done
once an epoch, such as the upload of its order, is thereby left out.

Accepted where a step has no more launches than ACCEPTED says, and waits for no transfer.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.pretend_cuda.loading import load

if TYPE_CHECKING:
    from rayal.vision import backbone_names

STEPS = (2, 3)  # of the two runs that are compared
ACCEPTED = {
    "moco resnet18 imagenet 28 px, 256": 600,
    "moco resnet18 cifar 28 px, 256": 600,
    "moco resnet50 imagenet 28 px, 4096": 1050,
    "scratch resnet18 cifar 32 px, 128": 250,
    "scratch resnet18 cifar 32 px, 128, hacon": 250,
    "fixmatch resnet18 cifar 32 px, 64 + 448": 300,
}


@dataclass(frozen=True)
class StepCost:
    """What one more step costs."""

    launches: int
    parts: dict[str, int]  # launches by part of the step
    blocking: dict[str, int]  # waits by line of code
    uploads: int  # that nothing waits for

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def moco(  # noqa: PLR0913  as many as the cases differ in
    backbone: str,
    stem: str,
    size: int,
    batch: int,
    *,
    augmentation: str = "rgb",
    micro_batch: int | None = None,
    channels: int = 3,
) -> Callable[[int], object]:
    """Return a function that trains an epoch of so many steps."""
    import numpy as np

    from rayal.encoders._moco.process_group import SINGLE_PROCESS
    from rayal.encoders._moco.settings import MocoSeeds, MocoSettings
    from rayal.encoders._moco.setup import build_pretraining
    from rayal.encoders._training.progress_reporter import ProgressReporter

    settings: dict[str, Any] = {
        "backbone": backbone, "stem": stem, "epochs": 1, "batch_size": batch,
        "micro_batch": micro_batch, "repeats": 1, "queue": 65536 if batch > 1000 else 4096,
        "temperature": 0.2, "momentum_encoder": 0.999, "projection": 128, "base_lr": 0.03,
        "weight_decay": 1e-4, "warmup_epochs": 0, "augmentation": augmentation,
        "crop_scale": (0.08, 1.0), "flip": True, "taus": (0.2, 0.1, 0.05, 0.01, 0.001),
        "precision": None, "compile": False, "processes": 1,
    }  # fmt: skip

    def run(steps: int) -> None:
        images = np.zeros((batch * steps, size, size, channels), np.uint8)
        built = MocoSettings(**settings)
        _, training = build_pretraining(images, built, MocoSeeds(1, 2, 3), SINGLE_PROCESS)
        training._train_epoch(0, ProgressReporter(training.schedule, lambda report: None))

    return run


def scratch(
    size: int, batch: int, augmentation: str, backbone: backbone_names.Backbone = "resnet18"
) -> Callable[[int], object]:
    """Return a function that trains a network as the learner `scratch` does."""
    import numpy as np

    from rayal.vision import networks
    from rayal.vision.classifier import Classifier
    from rayal.vision.training import LabeledImages, fit
    from rayal.vision.training_recipe import TrainingRecipe

    def run(steps: int) -> None:
        n = batch * steps
        recipe: dict[str, Any] = {"batch_size": batch, "lr": 0.02, "augmentation": augmentation}
        images = LabeledImages(np.zeros((n, size, size, 3), np.uint8), np.arange(n) % 10)
        classifier = Classifier(networks.backbone(backbone, "cifar", 3, seed=0), 10, 0)
        fit(classifier, images, TrainingRecipe(epochs=1, momentum=0.9, nesterov=True, **recipe), 0)

    return run


def fixmatch(
    size: int, batch: int, backbone: backbone_names.Backbone = "resnet18"
) -> Callable[[int], object]:
    """Return a function that makes so many steps of FixMatch."""
    import numpy as np

    from rayal.vision import networks
    from rayal.vision.classifier import Classifier
    from rayal.vision.semi_supervised import FixMatchRecipe, fit
    from rayal.vision.training import LabeledImages

    def run(steps: int) -> None:
        recipe = FixMatchRecipe(steps, batch, 7, 0.95, 1.0, 0.03, 0.9, 5e-4, 0.999, "crop_flip")
        images = np.zeros((512, size, size, 3), np.uint8)
        classifier = Classifier(networks.backbone(backbone, "cifar", 3, seed=0), 10, 0)
        fit(classifier, LabeledImages(images[:64], np.arange(64) % 10), images, recipe, 0)

    return run


def vaal(size: int, batch: int) -> Callable[[int], object]:
    """Return a function that makes so many updates of VAAL's networks."""
    import numpy as np

    from rayal.kernels.discriminator import Training, probability_of_label

    def run(steps: int) -> None:
        images = np.zeros((batch * steps, size, size, 3), np.uint8)
        training = Training(1, 1, latent=32, batch_size=batch, lr=5e-4, beta=1.0, adversary=1.0)
        labeled, unlabeled = np.split(np.arange(len(images)), [batch // 2])
        probability_of_label(images, labeled, unlabeled, 0, training)

    return run


def cases(*, small: bool) -> dict[str, Callable[[int], object]]:
    """Return the cases by name; small: those that take a second or two."""
    if small:
        return {
            "moco small_cnn imagenet 28 px, 64": moco("small_cnn", "imagenet", 28, 64),
            "fixmatch small_cnn 16 px, 32 + 224": fixmatch(16, 32, "small_cnn"),
            "vaal 16 px, 32": vaal(16, 32),
            **{
                f"scratch small_cnn 16 px, 64, {name}": scratch(16, 64, name, "small_cnn")
                for name in ("crop_flip", "rotate", "hacon", "weak_flip", "none")
            },
        }
    return {
        "moco resnet18 imagenet 28 px, 256": moco("resnet18", "imagenet", 28, 256),
        "moco resnet18 cifar 28 px, 256": moco("resnet18", "cifar", 28, 256),
        "moco resnet18 cifar 28 px, 256, ct": moco("resnet18", "cifar", 28, 256, augmentation="ct"),
        "moco resnet18 cifar 28 px, 256, micro 64": moco(
            "resnet18", "cifar", 28, 256, micro_batch=64
        ),
        "moco resnet50 imagenet 28 px, 4096": moco("resnet50", "imagenet", 28, 4096),
        "moco resnet50 imagenet 224 px, 256": moco("resnet50", "imagenet", 224, 256),
        "scratch resnet18 cifar 32 px, 128": scratch(32, 128, "crop_flip"),
        "scratch resnet18 cifar 32 px, 128, rotate": scratch(32, 128, "rotate"),
        "scratch resnet18 cifar 32 px, 128, hacon": scratch(32, 128, "hacon"),
        "fixmatch resnet18 cifar 32 px, 64 + 448": fixmatch(32, 64),
        "vaal 32 px, 128": vaal(32, 128),
    }


def measure(run: Callable[[int], object]) -> StepCost:
    """Count what one more step costs."""
    from benchmarks.pretend_cuda.counting import PretendCuda

    launches, parts, blocking, uploads = [], [], [], []
    for steps in STEPS:
        with PretendCuda() as counts:
            run(steps)
        launches.append(counts.launches.total())
        parts.append(Counter(counts.parts))
        blocking.append(Counter(counts.blocking))
        uploads.append(counts.uploads.total())
    return StepCost(
        launches[1] - launches[0],
        dict((parts[1] - parts[0]).most_common()),
        dict((blocking[1] - blocking[0]).most_common()),
        uploads[1] - uploads[0],
    )


def mark_parts() -> None:
    """Have the launches of a step's parts counted apart."""
    import torch

    from benchmarks.pretend_cuda.counting import attribute
    from rayal.encoders._moco import model, training
    from rayal.encoders._training import progress_reporter
    from rayal.vision import semi_supervised

    progress_reporter._SECONDS_PER_REPORT = float("inf")  # a report reads the loss, by the clock
    attribute(training, "augment_in_one_pass", "augmentation")
    attribute(training, "confidence", "map")
    attribute(model.MomentumContrast, "forward", "networks and loss")
    attribute(model.MomentumContrast, "momentum_update", "key network")
    attribute(torch.autograd, "backward", "backward")
    attribute(semi_supervised, "strengthen", "strong augmentation")
    attribute(semi_supervised, "crop", "weak augmentation")


def main() -> None:
    """Measure all cases and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="only cases of a second or two")
    parser.add_argument("--json", type=Path, help="write the counts here")
    options = parser.parse_args()
    load()
    mark_parts()
    measured = {}
    for name, run in cases(small=options.small).items():
        measured[name] = cost = measure(run)
        parts = ", ".join(f"{part} {n}" for part, n in cost.parts.items())
        waits = sum(cost.blocking.values())
        print(f"{name:44} {cost.launches:5} launches, {waits:2} waits ({parts})", flush=True)
        for line, n in cost.blocking.items():
            print(f"    {n} at {line}")
    if options.json:
        options.json.write_text(json.dumps({k: v.as_json() for k, v in measured.items()}, indent=1))
    missed = [
        name
        for name, most in ACCEPTED.items()
        if name in measured and (measured[name].launches > most or measured[name].blocking)
    ]
    print("missed: " + "; ".join(missed) if missed else "accepted")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
