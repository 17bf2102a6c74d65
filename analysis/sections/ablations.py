"""Parameters that vary alone: the same component with all else equal, and what that changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pandas as pd

from analysis.figures import ablations as drawings
from analysis.figures.spec import FigureSpec
from analysis.page.blocks import Block
from analysis.sections.base import Report, Tables, non_empty, section
from analysis.sections.trainings import TRAINING
from analysis.study.grouping import GROUP_KEYS, to_frame
from analysis.study.study import Study
from analysis.study.summary import summary_by_strategy
from rayal.sweep.names import KINDS, spell

VARIED = ("strategy", "initial", "encoder", "learner")
COLUMNS = ["kind", "component", "parameter", "value", "fixed"]
MEASURES = [f"{m}_{s}" for m in ("auc", "accuracy", "class_entropy", "l1_score")
            for s in ("mean", "std")]  # fmt: skip
LAMBDA = "lambda"
Values = Mapping[str, Any]


def tables(study: Study, earlier: Tables) -> Tables:
    """Rows of the summary by the one parameter in which they differ.

    Two values of a parameter that chose the same images are two values nonetheless.
    """
    shared = study.same_choices.groups
    means = summary_by_strategy(study) if shared else earlier["summary"]
    return non_empty({"ablations": ablations(study, means)})


def ablations(study: Study, summary: pd.DataFrame) -> pd.DataFrame:
    """Rows of the summary, once for each parameter whose values can be compared there.

    `fixed` names the other parameters that vary in the study, at the values that they have in the
    compared rows. A parameter that is off ("none") counts as a value.
    """
    rows = (
        {**row, **variant}
        for kind in VARIED
        for label, variant in _variants(study.trials, kind)
        for row in _rows_of(summary, kind, label)
    )
    effects = to_frame(rows, [*COLUMNS, *GROUP_KEYS, "n", *MEASURES])
    keys = ["kind", "parameter", "fixed", *(name for name in GROUP_KEYS if name not in VARIED)]
    others = [
        effects[name].where(~_is_varied(effects, name), effects["component"]) for name in VARIED
    ]
    by = effects.groupby([*keys, *others], sort=False, dropna=False)
    return effects[by["value"].transform("nunique") > 1] if len(effects) else effects


def figures(_study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Plan a chart for each parameter of each dataset, and of lambda what it trades off."""
    effects = tables.get("ablations", to_frame([], [*COLUMNS, *GROUP_KEYS]))
    for (dataset, parameter), part in effects.groupby(["dataset", "parameter"], sort=False):
        values = ", ".join(map(str, part["value"].unique()))
        name = str(parameter)
        yield FigureSpec(
            "ablation",
            f"{name}-{dataset}",
            f"What {name} changes on {dataset}",
            f"Mean AUC by the value of {name}, all else equal; bars are one sample standard "
            "deviation either way.",
            f"Line chart of the AUC over {name}: {values}.",
            "ablations.csv",
            partial(drawings.ablation, part),
        )
        if name.split(".")[-1] == LAMBDA:
            yield FigureSpec(
                "balance",
                f"{name}-{dataset}",
                f"Balance and accuracy as λ moves on {dataset}",
                "Mean accuracy and entropy of the chosen classes over their L1 score, with the "
                "most labels; each point is a value of λ.",
                f"Two line charts over the L1 score; values of lambda: {values}.",
                "ablations.csv",
                partial(drawings.balance, part),
            )


@section(
    "ablation",
    title="Parameters",
    heading="One parameter at a time",
    order=80,
    tables=tables,
    figures=figures,
)
def content(report: Report) -> Iterator[Block]:
    """Charts of the parameters that vary."""
    yield from report.gallery("ablation")


def _is_varied(effects: pd.DataFrame, name: str) -> pd.Series[bool]:
    """Whether a column changes with the parameter; in a single query, initial is the strategy."""
    same = (effects["kind"] == "strategy") & (effects["rounds"] == 1)
    return (effects["kind"] == name) | (same & (name == "initial"))


def _rows_of(summary: pd.DataFrame, kind: str, label: str) -> list[dict[Any, Any]]:
    """Groups that a component takes part in; an initial strategy of its own only in cycles."""
    selected = (summary[kind] == label) & (summary["done"] > 0)
    if kind == "initial":
        selected &= summary["rounds"] > 1
    if kind == "strategy":
        selected &= (summary["rounds"] == 1) | (summary["round"] > 0)
    rows: list[dict[Any, Any]] = summary[selected].to_dict("records")
    return rows


def _variants(trials: pd.DataFrame, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Labels of components with each parameter that varies alone among those of their name."""
    prefix = f"{kind}."
    columns = [c for c in map(str, trials) if c.startswith(prefix) and c not in KINDS]
    for plain, part in trials.groupby(kind, sort=False):
        known = part.drop_duplicates(f"{kind}_label").set_index(f"{kind}_label")[columns]
        values = {str(label): _values(row, prefix) for label, row in known.iterrows()}
        # The number of a training is no setting to compare.
        for parameter in (c.removeprefix(prefix) for c in columns if c != TRAINING):
            for label, own in values.items():
                rest = {k: v for k, v in own.items() if k != parameter}
                variant = {"kind": kind, "component": plain, "parameter": parameter}
                yield label, {**variant, "value": own[parameter], "fixed": _in_words(rest)}


def _values(row: pd.Series[Any], prefix: str) -> dict[str, str]:
    spelled = {str(name).removeprefix(prefix): _spelled(value) for name, value in row.items()}
    return dict(sorted(spelled.items()))


def _spelled(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    return spell(None if pd.isna(value) else value)


def _in_words(values: Values) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items() if value != "none")
