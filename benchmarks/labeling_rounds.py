"""Accuracy on the rest of a pool after 60, 100 and 200 labels, chosen by default and at random.

    python -m benchmarks.labeling_rounds bloodmnist.npz --seeds 20

The labels of 1,500 images of a file in MedMNIST's format are hidden and given as they are asked
for, in rounds of 60, 40 and 100; the project's classifier is measured on all the others. Both ways
of choosing see the same images, described once.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rayal.contracts import UNLABELED
from rayal.labeling.answers import Answer
from rayal.labeling.project import Project
from rayal.labeling.selecting import Request, first_round, next_round, open_or_create
from rayal.labeling.training import fit

IMAGES, BUDGETS = 1500, (60, 40, 100)
RANDOM = {"name": "random"}


def main() -> None:
    """Measure, and print a line for each way of choosing and one for the difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("npz", help="a file in MedMNIST's format")
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        features, classes = _described(Path(options.npz), Path(folder))
        strategies: dict[str, dict[str, Any] | None] = {"default": None, "random": RANDOM}
        accuracies = {
            name: np.array(
                [
                    _accuracies(features, classes, strategy, seed, Path(folder) / f"{name}{seed}")
                    for seed in range(options.seeds)
                ]
            )
            for name, strategy in strategies.items()
        }
    for name, values in accuracies.items():
        print(f"{name:8}", " ".join(f"{mean:.3f}" for mean in values.mean(axis=0)))
    gains = accuracies["default"] - accuracies["random"]
    errors = gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
    pairs = zip(gains.mean(axis=0), errors, strict=True)
    print("gain    ", " ".join(f"{gain:+.3f} (se {error:.3f})" for gain, error in pairs))


def _described(npz: Path, folder: Path) -> tuple[Path, Mapping[str, str]]:
    """Write images without labels, have them described; return features and classes."""
    with np.load(npz) as data:
        images, labels = data["train_images"], data["train_labels"].ravel()
    rows = np.random.default_rng(0).permutation(len(images))[:IMAGES]
    (folder / "cells").mkdir()
    classes = {}
    for number, row in enumerate(rows):
        name = f"{number:05d}.png"
        Image.fromarray(images[row]).save(folder / "cells" / name)
        classes[name] = f"class {labels[row]}"
    project = open_or_create(Request(str(folder / "cells"), {}), folder / "project")
    first_round(project, 1, 0, print)
    np.savez(folder / "features.npz", features=project.features, ids=np.array(project.pool.paths))
    return folder / "features.npz", classes


def _accuracies(
    features: Path,
    classes: Mapping[str, str],
    strategy: dict[str, Any] | None,
    seed: int,
    root: Path,
) -> list[float]:
    """Return the accuracy on the rest after each round of one project."""
    request = Request(str(features), {}, strategy=strategy, seed=seed)
    project = open_or_create(request, root)
    numbers = {name: n for n, name in enumerate(sorted(set(classes.values())))}
    truth = np.array([numbers[classes[path]] for path in np.load(features)["ids"]])
    step, accuracies = first_round, []
    for budget in BUDGETS:
        round_ = step(project, budget, 0, lambda line: None).round
        step = next_round
        paths = {image.rayal_id: image.path for image in project.pool}
        project.labels.append(*(Answer(i, classes[paths[i]]) for i in round_.ids))
        accuracies.append(_accuracy(project, truth, len(numbers)))
    return accuracies


def _accuracy(project: Project, truth: npt.NDArray[np.int64], num_classes: int) -> float:
    known = np.isin(project.pool.ids, list(project.labels.labels()))
    labels = np.where(known, truth, UNLABELED)[known]
    features = np.asarray(project.features)
    predicted = fit(features[known], [labels], num_classes, features[~known])[0].test.argmax(axis=1)
    return float((predicted == truth[~known]).mean())


if __name__ == "__main__":
    main()
