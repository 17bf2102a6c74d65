"""A run's records as a pandas DataFrame, and the account of the trials that are not in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.labels import KINDS, Names
from rayal.store import Run, read_run

METRICS = (
    "auc", "accuracy", "balanced_accuracy", "mean_class_accuracy", "pool_error", "coverage",
    "class_entropy", "l1_score", "select_seconds", "train_seconds",
)  # fmt: skip
LISTS = ("selected", "class_counts", "auc_missing_classes")
ORDER = (
    "trial", *KINDS, "seed", "budget", "round", "labelled", *METRICS, *LISTS, "rounds",
    *(f"{kind}_label" for kind in KINDS), "seconds", "host",
)  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """How many trials a run plans, and what became of them.

    left_out: records of earlier versions of the sweep, which the present plan does not ask for.
    """

    planned: int
    done: int
    failed: int
    missing: int
    left_out: int


@dataclass(frozen=True)
class Study:
    """A run as frames: the trials planned, the rounds measured, and what random is called here."""

    run: Run
    trials: pd.DataFrame
    rounds: pd.DataFrame
    baseline: str
    oracles: frozenset[str]  # labels of strategies that read true labels: no rivals, but bounds

    @property
    def progress(self) -> Progress:
        """Count the trials by what became of them."""
        counts = self.trials["status"].value_counts()
        done, failed, missing = (int(counts.get(s, 0)) for s in ("done", "failed", "missing"))
        return Progress(len(self.trials), done, failed, missing, self.run.left_out)


def load(root: Path | str) -> pd.DataFrame:
    """Read a run: one row per finished trial and round.

    `strategy`, `encoder` and so on hold plain names, `strategy_label` the name with those
    parameters that tell it apart in this run; such parameters also have columns of their own
    (`strategy.k`). `selected` lists indices of the dataset, `class_counts` labelled images per
    class (C,). Trials without a record are counted by `progress`.

    Raises:
        rayal.store.StoreError: root is no run, or a record in it cannot be read.
    """
    return read_study(Path(root)).rounds


def progress(root: Path | str) -> Progress:
    """Count the planned, finished, failed, missing and left-out trials of a run."""
    return read_study(Path(root)).progress


def read_study(root: Path) -> Study:
    """Read a run's directory into frames.

    Raises:
        rayal.store.StoreError: root is no run, or a record in it cannot be read.
    """
    run = read_run(root)
    names = Names(run.plan["trials"].values())
    trials = trials_of(run, names)
    return Study(run, trials, rounds_of(run, trials), names.baseline(), _oracles(run, names))


def _oracles(run: Run, names: Names) -> frozenset[str]:
    return frozenset(
        names.of(definition)[kind].label
        for definition in run.plan["trials"].values()
        for kind in ("initial", "strategy")
        if definition[kind].get("oracle")
    )


def trials_of(run: Run, names: Names) -> pd.DataFrame:
    """One row per planned trial, in the plan's order, with its labels and its status."""
    plan = run.plan["trials"]
    done = {record["trial"] for record in run.records}
    failed = {failure["trial"] for failure in run.failures} - done
    status = ["done" if i in done else "failed" if i in failed else "missing" for i in plan]
    rows = [_identity(i, definition, names) for i, definition in plan.items()]
    columns = [
        "trial",
        *KINDS,
        *(f"{k}_label" for k in KINDS),
        "seed",
        "artefact",
        "schedule",
        "rounds",
    ]
    return pd.DataFrame(rows, columns=None if rows else columns).assign(status=status)


def rounds_of(run: Run, trials: pd.DataFrame) -> pd.DataFrame:
    """One row per finished trial and round: what `load` returns."""
    position = {trial: row for row, trial in enumerate(trials["trial"])}
    where = [position[record["trial"]] for record in run.records for _ in record["rounds"]]
    measured = pd.DataFrame(list(_measurements(run.records)), columns=_measured_columns(run))
    for name in (*METRICS, "seconds"):
        measured[name] = measured[name].astype("float64")
    identity = trials.drop(columns=["schedule", "status", "artefact"])
    frame = pd.concat([identity.iloc[where].reset_index(drop=True), measured], axis=1)
    known = [name for name in ORDER if name in frame]
    return frame[[*known, *(name for name in frame if name not in ORDER)]]


def _identity(trial: str, definition: Mapping[str, Any], names: Names) -> dict[str, Any]:
    row: dict[str, Any] = {"trial": trial}
    for kind, named in names.of(definition).items():
        row[kind], row[f"{kind}_label"] = named.plain, named.label
        row |= {f"{kind}.{name}": value for name, value in named.varying.items()}
    row |= {name: definition[name] for name in ("seed", "artefact")}
    schedule = tuple(definition["schedule"])
    return {**row, "schedule": schedule, "rounds": len(schedule)}


def _measured_columns(run: Run) -> list[str]:
    versions = {f"version.{name}": None for r in run.records for name in r["versions"]}
    return ["round", "budget", "labelled", *METRICS, *LISTS, "seconds", "host", *versions]


def _measurements(records: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for record in records:
        made = {f"version.{name}": value for name, value in record["versions"].items()}
        made |= {"seconds": record["seconds"], "host": record["host"]}
        for measured in record["rounds"]:
            yield {**measured, **made}
