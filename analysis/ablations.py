"""Parameters that vary alone: the same component with all else equal, and what that changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.study.study import Study
from analysis.tables import CELL, table
from rayal.sweep.names import KINDS, spell

TRAINING = "encoder.seed"  # the number of a training is no setting to compare
VARIED = ("strategy", "initial", "encoder", "learner")
COLUMNS = ["kind", "component", "parameter", "value", "fixed"]
MEASURES = [f"{m}_{s}" for m in ("auc", "accuracy", "class_entropy", "l1_score")
            for s in ("mean", "std")]  # fmt: skip
Values = Mapping[str, Any]


def ablations(study: Study, summary: pd.DataFrame) -> pd.DataFrame:
    """Rows of the summary, once for each parameter whose values can be compared there.

    `fixed` names the other parameters that vary in the study, at the values that they have in the
    compared rows. A parameter that is off ("none") counts as a value.
    """
    rows = (
        {**row, **found}
        for kind in VARIED
        for label, found in _variants(study.trials, kind)
        for row in _of(summary, kind, label)
    )
    made = table(rows, [*COLUMNS, *CELL, "n", *MEASURES])
    keys = ["kind", "parameter", "fixed", *(name for name in CELL if name not in VARIED)]
    others = [made[name].where(~_is_varied(made, name), made["component"]) for name in VARIED]
    several = made.groupby([*keys, *others], sort=False, dropna=False)["value"].transform("nunique")
    return made[several > 1] if len(made) else made


def _is_varied(made: pd.DataFrame, name: str) -> pd.Series[bool]:
    """Whether a column changes with the parameter; in a single query, initial is the strategy."""
    same = (made["kind"] == "strategy") & (made["rounds"] == 1)
    return (made["kind"] == name) | (same & (name == "initial"))


def _of(summary: pd.DataFrame, kind: str, label: str) -> list[dict[Any, Any]]:
    """Cells that a component takes part in; an initial strategy of its own only in cycles."""
    here = (summary[kind] == label) & (summary["done"] > 0)
    if kind == "initial":
        here &= summary["rounds"] > 1
    if kind == "strategy":
        here &= (summary["rounds"] == 1) | (summary["round"] > 0)
    found: list[dict[Any, Any]] = summary[here].to_dict("records")
    return found


def _variants(trials: pd.DataFrame, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Labels of components with each parameter that varies alone among those of their name."""
    prefix = f"{kind}."
    columns = [c for c in map(str, trials) if c.startswith(prefix) and c not in KINDS]
    for plain, part in trials.groupby(kind, sort=False):
        known = part.drop_duplicates(f"{kind}_label").set_index(f"{kind}_label")[columns]
        values = {str(label): _values(row, prefix) for label, row in known.iterrows()}
        for parameter in (c.removeprefix(prefix) for c in columns if c != TRAINING):
            for label, own in values.items():
                rest = {k: v for k, v in own.items() if k != parameter}
                found = {"kind": kind, "component": plain, "parameter": parameter}
                yield label, {**found, "value": own[parameter], "fixed": _in_words(rest)}


def _values(row: pd.Series[Any], prefix: str) -> dict[str, str]:
    spelt = {str(name).removeprefix(prefix): _spelled(value) for name, value in row.items()}
    return dict(sorted(spelt.items()))


def _spelled(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    return spell(None if pd.isna(value) else value)


def _in_words(values: Values) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items() if value != "none")
