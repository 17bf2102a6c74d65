"""A run's trials and records as frames: one row for each planned trial, and for each round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.study.measures import OF_SEVERAL
from analysis.study.schedules import with_schedules_in_names
from rayal.storage.round_keys import LISTS, LISTS_OF_SEVERAL, METRICS, SOMETIMES
from rayal.storage.run import Run
from rayal.sweep.names import KINDS, Names

ORDER = (
    "trial", *KINDS, "seed", "budget", "round", "labelled", *METRICS, *LISTS, "rounds",
    *(f"{kind}_label" for kind in KINDS), "seconds", "host",
)  # fmt: skip
_IDENTITY = (
    "trial", *KINDS, *(f"{kind}_label" for kind in KINDS), "seed", "artefact", "schedule", "rounds",
)  # fmt: skip


def trials_of(run: Run, names: Names) -> pd.DataFrame:
    """One row per planned trial, in the plan's order, with its labels and its status."""
    plan = run.plan["trials"]
    done = {record["trial"] for record in run.records}
    failed = {failure["trial"] for failure in run.failures} - done
    status = ["done" if i in done else "failed" if i in failed else "missing" for i in plan]
    rows = [_identity(i, definition, names) for i, definition in plan.items()]
    frame = pd.DataFrame(rows, columns=None if rows else list(_IDENTITY))
    return with_schedules_in_names(frame).assign(status=status)


def rounds_of(run: Run, trials: pd.DataFrame) -> pd.DataFrame:
    """One row per finished trial and round: what `load` returns."""
    position = {trial: row for row, trial in enumerate(trials["trial"])}
    where = [position[record["trial"]] for record in run.records for _ in record["rounds"]]
    measured = pd.DataFrame(list(_measurements(run.records)), columns=_measured_columns(run))
    several = [name for name in OF_SEVERAL if name in measured]
    for name in (*METRICS, *several, "seconds"):
        values = measured[name].astype("float64")
        measured[name] = values.where(np.isfinite(values))  # an infinite measure is none
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
    versions = {f"version.{name}": None for r in run.records for name in r.get("versions", {})}
    rounds = [row for record in run.records for row in record["rounds"]]
    there, lists = (
        [name for name in names if any(name in row for row in rounds)]
        for names in (SOMETIMES, LISTS_OF_SEVERAL)
    )
    measured = (*METRICS, *there, *LISTS, *lists)
    return ["round", "budget", "labelled", *measured, "seconds", "host", *versions]


def _measurements(records: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for record in records:
        metadata = {f"version.{name}": value for name, value in record.get("versions", {}).items()}
        metadata |= {"seconds": record.get("seconds"), "host": record.get("host")}
        for measured in record["rounds"]:
            yield {**measured, **metadata}
