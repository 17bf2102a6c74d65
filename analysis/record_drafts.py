"""Figures of what the trials measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import pandas as pd

from analysis.figures import ablations as ablation_figures
from analysis.figures import curves, first_last
from analysis.figures.class_heat_map import MOST_ROWS, class_heat_map
from analysis.figures.spec import PLACE, Draft, at, places
from analysis.tables import CELL

Tables = Mapping[str, pd.DataFrame]
CURVES = {
    "auc": ("AUC", "the test set"),
    "accuracy": ("accuracy", "the test set"),
    "coverage": ("class coverage", "the labelled images (classes with a label / classes)"),
    "pool_error": ("misclassified share", "the images that are not labelled yet"),
}
LAMBDA = "lambda"


def drafts(tables: Tables, baseline: str) -> Iterator[Draft]:
    """Plan every figure of a study's records."""
    yield from _curves(tables, baseline)
    yield from _over_trainings(tables, baseline)
    yield from _classes(tables)
    yield from _ends(tables, baseline)
    if "ablations" in tables:
        yield from _ablations(tables["ablations"])


def _curves(tables: Tables, baseline: str) -> Iterator[Draft]:
    summary = tables["summary"]
    looks = curves.colours_of(summary, baseline)
    for file, place, part in places(summary[summary["done"] > 0]):
        for measure, (words, of) in CURVES.items():
            if measure != "auc" and part[f"{measure}_mean"].isna().all():
                continue
            yield Draft(
                measure.replace("_", "-"),
                file,
                f"{words[0].upper()}{words[1:]} on {place}",
                f"Mean {words} on {of} over seeds; {_spread(part)}; random selection is dotted. "
                f"{_seed_range(part)}",
                _ends_in_words(part, measure, words),
                "summary.csv",
                partial(curves.curves, part, measure, words, looks),
            )


def _over_trainings(tables: Tables, baseline: str) -> Iterator[Draft]:
    cells = tables["over_trainings"].drop_duplicates(CELL)
    looks = curves.colours_of(tables["summary"], baseline)
    for file, place, part in places(cells.assign(done=cells["trials"])):
        yield Draft(
            "trainings",
            file,
            f"AUC over trainings of {place}",
            f"Mean AUC on the test set over {part['n'].max()} trainings of the encoder, each the "
            f"mean of its trials; {_spread(part)}; random selection is dotted.",
            _ends_in_words(part, "auc", "AUC").replace("summary.csv", "over_trainings.csv"),
            "over_trainings.csv",
            partial(curves.curves, part, "auc", "AUC", looks),
        )


def _spread(part: pd.DataFrame) -> str:
    if curves.has_all_bands(part):
        return "the band is one sample standard deviation either way"
    return (
        f"standard deviations are told by the marks, as bands of more than {curves.MOST_BANDS} "
        "lines would hide them"
    )


def _classes(tables: Tables) -> Iterator[Draft]:
    entropy = tables.get("class_entropy", pd.DataFrame(columns=["selection", "labelled", *PLACE]))
    for file, place, part in places(tables["class_distribution"]):
        mine = at(entropy, part.iloc[0])
        if "rounds" in mine:
            mine = mine[(mine["rounds"] > 1) == (part["rounds"].iloc[0] > 1)]
        ways = part["selection"].nunique()
        most = int(part.groupby("labelled")["selection"].nunique().max())
        rest = f" The first {MOST_ROWS - 1} of {most} ways." if most >= MOST_ROWS else ""
        yield Draft(
            "classes",
            file,
            f"Which classes were chosen on {place}",
            "Share of each class among the labelled images, averaged over seeds; the top row is "
            "the pool itself. A row like the pool's follows it; an even row is balanced. At the "
            f"right, the mean entropy of the chosen classes, in nats.{rest}",
            f"Heat map of {ways} ways to choose by {part['class_index'].nunique()} classes; its "
            "numbers are in class_distribution.csv.",
            "class_distribution.csv, class_entropy.csv",
            partial(class_heat_map, part, mine),
        )


def _ends(tables: Tables, baseline: str) -> Iterator[Draft]:
    looks = curves.colours_of(tables["summary"], baseline)
    for (dataset, encoder), part in tables["first_last"].groupby(PLACE, sort=False):
        found = at(tables["correlation"], part.iloc[0])
        yield Draft(
            "first-last",
            f"{dataset}-{encoder}",
            f"Does a good start last? {dataset}, {encoder}",
            "AUC after the last query against AUC after the first, a point per trial, a panel per "
            "query strategy; colour tells the initial strategy.",
            "Scatter plots: "
            + "; ".join(
                f"{row.strategy}: r = {row.r:.2f}, n = {row.n}" for row in found.itertuples()
            ),
            "first_last.csv, correlation.csv",
            partial(first_last.first_against_last, part, found, looks),
        )


def _ablations(found: pd.DataFrame) -> Iterator[Draft]:
    for (dataset, parameter), part in found.groupby(["dataset", "parameter"], sort=False):
        values = ", ".join(map(str, part["value"].unique()))
        name = str(parameter)
        yield Draft(
            "ablation",
            f"{name}-{dataset}",
            f"What {name} changes on {dataset}",
            f"Mean AUC by the value of {name}, all else equal; bars are one sample standard "
            "deviation either way.",
            f"Line chart of the AUC over {name}: {values}.",
            "ablations.csv",
            partial(ablation_figures.ablation, part),
        )
        if name.split(".")[-1] == LAMBDA:
            yield Draft(
                "balance",
                f"{name}-{dataset}",
                f"Balance and accuracy as λ moves on {dataset}",
                "Mean accuracy and entropy of the chosen classes over their L1 score, with the "
                "most labels; each point is a value of λ.",
                f"Two line charts over the L1 score; values of lambda: {values}.",
                "ablations.csv",
                partial(ablation_figures.balance, part),
            )


def _seed_range(part: pd.DataFrame) -> str:
    low, high = int(part["done"].min()), int(part["done"].max())
    return f"{low} trials a point." if low == high else f"{low} to {high} trials a point."


def _ends_in_words(part: pd.DataFrame, measure: str, words: str) -> str:
    last = part[part["labelled"] == part["labelled"].max()].dropna(subset=[f"{measure}_mean"])
    falls = measure == "pool_error"
    best = last.sort_values(f"{measure}_mean", ascending=falls, kind="stable").head(3)
    listed = "; ".join(
        f"{row['initial']}, then {row['strategy']} {row[f'{measure}_mean']:.3f}"
        if row["rounds"] > 1
        else f"{row['strategy']} {row[f'{measure}_mean']:.3f}"
        for _, row in best.iterrows()
    )
    return (
        f"Line chart of {words} against labelled images. {'Lowest' if falls else 'Highest'} with "
        f"{part['labelled'].max()} labels: {listed or 'none measured'}. All values are in "
        "summary.csv."
    )
