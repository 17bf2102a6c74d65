"""Selections over several trainings of one encoder, the unit of what training adds by chance.

Trials on one training share its features and its dataset map: twenty seeds of them show how a
strategy does on these features, not on another training's. Here the trials of a training are
averaged first, and intervals and tests are over trainings (`encoders: [{name: moco, seed: [0, 1,
2]}]`). What the training determines of a selection, such as hacon's, varies here alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.curves import curves, ends_in_words, looks_of, spread_in_words
from analysis.figures.spec import FigureSpec, subsets
from analysis.figures.text import NONE
from analysis.page.blocks import Block, Text
from analysis.page.table import (
    EMPTY,
    Column,
    PageCell,
    PageTable,
    Row,
    by_query_mode,
    count,
    interval,
    name_columns,
    number,
    p_value,
    page_table,
)
from analysis.sections.base import Report, Tables, section
from analysis.statistics import intervals, paired_tests
from analysis.statistics.intervals import ROUNDING
from analysis.study.comparisons import QUERY, comparisons
from analysis.study.grouping import GROUP_KEYS, groups, to_frame
from analysis.study.study import Study
from rayal.storage.round_keys import METRICS

TRAINING = "encoder.seed"
MEASURED = {"auc": ("AUC", ".3f"), "coverage": ("Class coverage", ".2f")}
SAMPLE = ("mean", "std", "low", "high")
DIFFERENCE = ("difference", "low_difference", "high_difference", "above", "pairs", "p")


def tables(study: Study, _earlier: Tables) -> Tables:
    """Means and differences over trainings."""
    return {"over_trainings": over_trainings(study)}


def over_trainings(study: Study) -> pd.DataFrame:
    """Mean over trainings of AUC and class coverage by group, and the difference to random.

    The difference is paired: a training's mean minus that of random on the same training. `n`
    counts trainings, `trials` all their trials; `above` counts the trainings on which it is
    positive. No rows where every encoder was trained once.
    """
    cells = _by_training(study)
    means = [_means(key, group) for key, group in groups(cells, GROUP_KEYS)]
    sample = [f"{m}_{part}" for m in MEASURED for part in SAMPLE]
    rows = to_frame(means, [*GROUP_KEYS, "n", "trials", *sample])
    difference = [f"{m}_{part}" for m in MEASURED for part in DIFFERENCE]
    against = to_frame(_against(cells, study.baseline), ["varied", *GROUP_KEYS, *difference])
    return rows[rows["n"] > 1].merge(against, on=GROUP_KEYS, how="left")


def without_seed(encoder: str) -> str:
    """Return an encoder's label without the number of its training."""
    return re.sub(r" seed=\d+(?= |$)", "", encoder)


def figures(study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Curves of the AUC over trainings."""
    cells = tables["over_trainings"].drop_duplicates(GROUP_KEYS)
    looks = looks_of(tables["summary"], study.baseline)
    for file, place, part in subsets(cells.assign(done=cells["trials"])):
        yield FigureSpec(
            "trainings",
            file,
            f"AUC over trainings of {place}",
            f"Mean AUC on the test set over {part['n'].max()} trainings of the encoder, each the "
            f"mean of its trials; {spread_in_words(part)}; random selection is dotted.",
            ends_in_words(part, "auc", "over_trainings.csv"),
            "over_trainings.csv",
            partial(curves, part, "auc", "AUC", looks),
        )


@section(
    "trainings",
    title="Trainings",
    heading="Over trainings of an encoder",
    order=50,
    tables=tables,
    figures=figures,
)
def content(report: Report) -> Iterator[Block]:
    """Each measure over trainings."""
    shown = [
        table
        for measure in MEASURED
        for table in by_query_mode(report.tables["over_trainings"], partial(_table, measure))
    ]
    if shown:
        yield Text(
            "Trials on one training share its features: elsewhere on this page each training "
            "stands for itself; here it counts once."
        )
        yield from report.gallery("trainings")
        yield from shown


def _by_training(study: Study) -> pd.DataFrame:
    """One row per group and training: means over its trials; `seed` is the training's."""
    rounds = study.compared_rounds
    if TRAINING not in rounds:
        return to_frame([], [*GROUP_KEYS, "seed", "trials", *METRICS])
    view = rounds.drop(columns="seed").rename(columns={TRAINING: "seed"})
    view["encoder"] = view["encoder"].map(without_seed)
    view = view[view["seed"].notna()]
    by = view.groupby([*GROUP_KEYS, "seed"], sort=False)
    return by[list(METRICS)].mean().join(by.size().rename("trials")).reset_index()


def _means(key: dict[str, Any], group: pd.DataFrame) -> dict[str, Any]:
    row = {**key, "n": len(group), "trials": int(group["trials"].sum())}
    for measure in MEASURED:
        values = group[measure].to_numpy(np.float64)
        low, high = intervals.student_interval(values)
        sample = (intervals.mean(values), intervals.std(values), low, high)
        row |= _named(measure, SAMPLE, sample)
    return row


def _against(cells: pd.DataFrame, baseline: str) -> Iterator[dict[str, Any]]:
    for comparison in comparisons(cells, baseline):
        keys = [*comparison.keys, "round", "labelled", "seed"]
        random = comparison.random[[*keys, *MEASURED]]
        both = comparison.rows.merge(random, on=keys, suffixes=("", "_random"))
        for key, group in groups(both, GROUP_KEYS):
            if (comparison.varied, key["round"]) != (QUERY, 0):
                yield {"varied": comparison.varied, **key, **_difference(group)}


def _difference(group: pd.DataFrame) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for measure in MEASURED:
        own, random = (group[name].to_numpy(np.float64) for name in (measure, f"{measure}_random"))
        difference = intervals.paired_difference(own, random)
        above = int((own - random > ROUNDING * np.abs(random)).sum())
        p = paired_tests.paired_test(own - random).p_student
        row |= _named(
            measure,
            DIFFERENCE,
            (difference.mean, difference.low, difference.high, above, difference.n, p),
        )
    return row


def _named(measure: str, parts: tuple[str, ...], values: tuple[float, ...]) -> dict[str, float]:
    return {f"{measure}_{part}": value for part, value in zip(parts, values, strict=True)}


def _table(measure: str, means: pd.DataFrame) -> PageTable:
    """Means of a measure over trainings with their intervals, and differences to random."""
    title, form = MEASURED[measure]
    rows = means[means[f"{measure}_mean"].notna()]
    names = name_columns(rows, ["varied", "initial", "strategy"])
    p = f"{measure}_p"
    return page_table(
        f"{title} over trainings of the encoder: the mean of each training's trials, Student's "
        "interval over trainings; the difference to random on the same training, on how many "
        "trainings it is above, and Student's paired p without correction; bold below .05",
        "over_trainings.csv",
        rows.assign(varied=rows["varied"].where(rows[f"{measure}_pairs"] > 0, NONE)),
        names,
        [
            count("labeled", "labelled"),
            count("trainings", "n"),
            count("trials", "trials"),
            number(title, f"{measure}_mean", form),
            interval("95 % interval", f"{measure}_low", f"{measure}_high", form),
            number("difference to random", f"{measure}_difference", f"+{form}", shown_by=p),
            interval(
                "95 % interval",
                f"{measure}_low_difference",
                f"{measure}_high_difference",
                f"+{form}",
            ),
            Column("above random", partial(_above_cell, measure)),
            p_value("p", p, strong=True),
        ],
    )


def _above_cell(measure: str, row: Row) -> PageCell:
    above, pairs = row[f"{measure}_above"], row[f"{measure}_pairs"]
    return PageCell(f"{above:.0f} of {pairs:.0f}", above) if pairs > 0 else EMPTY
