"""Labeling projects of colored squares, made without a choice by any strategy."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rayal.labeling.answers import Answer
from rayal.labeling.labels import LabelLog
from rayal.labeling.pool import PoolImage, id_of_bytes, write_pool
from rayal.labeling.pool_features import Description, write_features
from rayal.labeling.project import Project
from rayal.labeling.rounds import Chosen, Round, write_round
from rayal.labeling.settings import Settings, describe_source

COLORS = ("crimson", "forestgreen", "royalblue")
HOSTILE = "a<img src=x onerror=alert(1)>, 'q' \u202egnp =1+1.png"


def make_project(
    folder: Path,
    count: int = 12,
    *,
    rounds: tuple[int, ...] = (6,),
    audit: int = 0,
    per_group: int = 3,
    names: dict[int, str] | None = None,
    **settings: Any,
) -> Project:
    """Make a project of `count` squares of three colors, in groups, with rounds of these sizes."""
    images = folder / "cells"
    images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    pool, features = [], []
    for n in range(count):
        path = images / (names or {}).get(n, f"image {n:03}.png")
        picture = Image.new("RGB", (28, 28), COLORS[n % 3])
        picture.putpixel((n % 28, n // 28), (255, 255, 255))
        picture.save(path, "PNG")
        rayal_id = id_of_bytes(path.read_bytes())
        pool.append(
            PoolImage(rayal_id, path.name, f"patient {n // per_group}", width=28, height=28)
        )
        features.append(np.eye(8)[n % 3] + rng.normal(0, 0.2, 8))
    source = describe_source("folder", str(images), folder / "labels")
    project = Project.create(folder / "labels", Settings(source, **settings))
    write_pool(project.root / "pool.csv", pool)
    write_features(project.root, np.stack(features), [one.rayal_id for one in pool], Description())
    start = 0
    for number, size in enumerate(rounds, 1):
        chosen = tuple(
            Chosen(
                rank + 1, pool[start + rank].rayal_id,
                "audit" if number == 1 and rank < audit else "selection", "typical of cluster 2",
            )
            for rank in range(size)
        )  # fmt: skip
        write_round(project.root / "rounds", Round(number, chosen, budget=size))
        start += size
    return project


def log_of(project: Project) -> LabelLog:
    return LabelLog(project.root / "answers.jsonl")


def label_truly(project: Project, rows) -> None:
    """Label images by their colors."""
    answers = [Answer(project.pool[n].rayal_id, COLORS[n % 3], seconds=4.0) for n in rows]
    log_of(project).append(*answers)
