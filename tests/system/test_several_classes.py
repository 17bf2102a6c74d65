"""A whole sweep on images that have several classes: of two digits, and of two real blood cells."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.mosaics import cells_file, digits_file
from tests.sweeps import results, run, run_module, write_sweep

pytestmark = pytest.mark.slow

SWEEP: dict[str, Any] = {
    "budgets": None, "initial": ["random"], "cycles": {"start": 20, "step": 20, "rounds": 2},
    "seeds": 2,
}  # fmt: skip


def test_two_digits_from_the_file_to_the_report(tmp_path: Path) -> None:
    path = digits_file(tmp_path / "two.npz", {"train": 150, "test": 120})
    strategies = [
        "random", {"name": "margin", "over_classes": "maximum"},
        {"name": "entropy", "class_balanced": {"lambda": 1.0}}, "dropquery",
    ]  # fmt: skip
    datasets = [{"name": "npz", "path": str(path)}]
    sweep = write_sweep(
        tmp_path, datasets=datasets, strategies=strategies, learners=["logistic", "linear"],
        measure="f1", **SWEEP,
    )  # fmt: skip
    out = tmp_path / "out"
    done = run(sweep, out, "--local")
    assert done.returncode == 0, done.stdout
    assert "16 of 16 trials done" in done.stdout
    made = run_module(tmp_path, "rayal", "report", str(out), "--only", "several-classes")
    assert made.returncode == 0, made.stdout
    summary = pd.read_csv(out / "tables" / "summary.csv")
    assert summary["f1_mean"].between(0, 1).all()
    assert summary["mean_class_accuracy_mean"].isna().all()
    assert (out / "tables" / "several_classes.csv").is_file()
    listed = run_module(tmp_path, "rayal.encode", str(sweep), "--out", str(out))
    assert listed.returncode == 0, listed.stdout


def test_two_blood_cells_are_learned_and_their_records_hold(
    tmp_path: Path, real_data: Path
) -> None:
    sizes = {"train": 400, "val": 40, "test": 300}
    path = cells_file(tmp_path / "cells.npz", real_data / "pbcblood.npz", sizes)
    sweep = write_sweep(
        tmp_path, datasets=[{"name": "npz", "path": str(path)}], learners=["logistic"],
        strategies=["random", "kmeans", "auto"], **{**SWEEP, "cycles": None, "initial": None,
        "budgets": [40, 160]},
    )  # fmt: skip
    done = run(sweep, tmp_path / "out", "--local")
    assert done.returncode == 0, done.stdout
    assert json.loads((tmp_path / "out" / "plan.json").read_text())["datasets"]["cells"][
        "multilabel"
    ]
    with np.load(path) as file:
        truth = file["train_labels"]
    areas: dict[int, list[float]] = {40: [], 160: []}
    for [row] in results(tmp_path / "out").values():
        assert row["class_counts"] == truth[row["selected"]].sum(axis=0).tolist()
        areas[row["labelled"]].append(row["auc"])
    assert np.mean(areas[160]) > np.mean(areas[40]) > 0.6
