"""Strategies against random selection, as the page shows them."""

from __future__ import annotations

import math

import pandas as pd

from analysis.page.table import (
    MISSING,
    Cell,
    Row,
    View,
    interval,
    name_cells,
    naming,
    number,
    pair,
    probability,
    view_of,
    whole,
    words,
)  # fmt: skip
from analysis.statistics.paired_tests import ALPHA
from analysis.tables import SETTING


def against(found: pd.DataFrame) -> View:
    """Paired differences of the AUC, with Student's test after Holm's correction."""
    found, names = _compared(found)
    rows = [
        [
            *name_cells(row, names), whole(row["labelled"]), whole(row["n"]),
            number(row["own_mean"], ".3f"), number(row["random_mean"], ".3f"),
            number(row["mean"], "+.3f", strong=row["holm_student"] < ALPHA),
            interval(row["low"], row["high"], "+.3f"), number(row["effect"], "+.2f"),
            probability(row["holm_student"], strong=row["holm_student"] < ALPHA),
        ]
        for row in found.to_dict("records")
    ]  # fmt: skip
    header = [*names, "labelled", "pairs", "AUC", "random", "difference", "95 % interval",
              "effect size", "p, Holm"]  # fmt: skip
    caption = (
        "AUC against random on shared seeds: mean paired difference, Student's interval, and "
        "Student's p after Holm's correction; bold below .05"
    )
    return view_of(caption, "against_random.csv", header, rows, names)


def against_all(found: pd.DataFrame) -> View:
    """Differences of the AUC to all trials of random, with Welch's test after Holm's correction."""
    found, names = _compared(found)
    rows = [
        [
            *name_cells(row, names), whole(row["labelled"]), whole(row["n_own"]),
            whole(row["n_random"]),
            number(row["all_mean"], "+.3f", strong=row["holm_welch"] < ALPHA),
            interval(row["all_low"], row["all_high"], "+.3f"),
            probability(row["p_welch"]),
            probability(row["holm_welch"], strong=row["holm_welch"] < ALPHA),
        ]
        for row in found.to_dict("records")
    ]  # fmt: skip
    header = [*names, "labelled", "trials", "random's trials", "difference", "95 % interval", "p",
              "p, Holm"]  # fmt: skip
    caption = (
        "AUC against all trials of random: difference of the means, Welch's interval, and its p "
        "before and after Holm's correction; bold below .05"
    )
    return view_of(caption, "against_random.csv", header, rows, names)


def tests(found: pd.DataFrame) -> View:
    """Three paired tests of each difference, before and after Holm's correction."""
    found, names = _compared(found)
    kinds = ("student", "permutation", "wilcoxon")
    rows = [
        [
            *name_cells(row, names), whole(row["labelled"]), words(row["seeds"]),
            *(_p_cell(row, form, kind)
              for kind in kinds for form in ("p", "holm")),
            probability(row["least_p"]), whole(row["comparisons"]),
        ]
        for row in found.to_dict("records")
    ]  # fmt: skip
    header = [*names, "labelled", "seeds", "p, Student", "Holm, Student", "p, sign flips",
              "Holm, sign flips", "p, Wilcoxon", "Holm, Wilcoxon", "least p of sign flips",
              "comparisons"]  # fmt: skip
    caption = (
        "Paired tests of the AUC against random, each alone and after Holm's correction over so "
        "many comparisons; sign flips cannot go below the least p that so many pairs allow"
    )
    return view_of(caption, "against_random.csv", header, rows, names)


def _compared(found: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Comparisons of the AUC that have a pair, and the columns that name them."""
    found = found[(found["metric"] == "auc") & (found["n"] > 0)]
    return found, naming(found, ["varied", "initial", "strategy"])


def power(found: pd.DataFrame) -> View:
    """What the seeds can show, and how many it would take."""
    found = found[(found["metric"] == "auc") & (found["n"] > 1)]
    names = naming(found, ["varied", "initial", "strategy"])
    rows = [
        [
            *name_cells(row, names), whole(row["labelled"]), whole(row["n"]),
            number(row["mean"], "+.3f"), number(row["detectable"], ".3f"),
            whole(row["seeds_for_seen"]), whole(row["seeds_for_0.01"]),
        ]
        for row in found.to_dict("records")
    ]  # fmt: skip
    header = [*names, "labelled", "pairs", "difference seen", "smallest shown by so many",
              "seeds for what was seen", "seeds for 0.01"]  # fmt: skip
    caption = (
        "Power: the smallest true difference of AUC that so many pairs show with a chance of .8, "
        "and the seeds it takes to show what was seen, or one point (Student's paired test at "
        ".05, uncorrected)"
    )
    return view_of(caption, "power.csv", header, rows, names)


def saved(found: pd.DataFrame) -> View:
    """Labels needed for what random has with the most labels."""
    found = found[found["labelled"] == found.groupby(SETTING)["labelled"].transform("max")]
    names = naming(found, ["varied", "initial", "strategy"])
    rows = [
        [
            *name_cells(row, names), whole(row["labelled"]), number(row["random_auc"], ".3f"),
            *_needed(row), interval(100 * row["saved_low"], 100 * row["saved_high"], ".0f"),
            number(100 * row["not_reached"], ".0f"),
        ]
        for row in found.to_dict("records")
    ]  # fmt: skip
    header = [*names, "labels of random", "its AUC", "labels needed", "saved, %",
              "95 % interval, %", "resamples that never get there, %"]  # fmt: skip
    caption = (
        "Labels needed for the mean AUC that random has with the most labels; the interval is "
        "over resampled trials"
    )
    return view_of(caption, "annotation_saved.csv", header, rows, names)


def areas(found: pd.DataFrame) -> View:
    """Areas under the AUC curve."""
    names = naming(found, ["varied", "initial", "strategy"])
    rows = [
        [
            *name_cells(row, names), whole(row["n"]),
            pair(row["aubc_mean"], row["aubc_std"], 3),
            number(row["difference"], "+.3f"), interval(row["low"], row["high"], "+.3f"),
            whole(row["n_pairs"]) if row["n_pairs"] else MISSING,
        ]
        for row in found.to_dict("records")
    ]  # fmt: skip
    header = [*names, "curves", "area", "against random", "95 % interval", "shared seeds"]
    caption = "Area under the AUC curve over its range of budgets, mean ± standard deviation"
    return view_of(caption, "aubc.csv", header, rows, names)


def _needed(row: Row) -> list[Cell]:
    if math.isnan(row["saved"]):
        return [Cell("not reached", math.inf), MISSING]
    bound, at_least = ("≤ ", "≥ ") if row["at_least"] else ("", "")
    needed = Cell(f"{bound}{row['images_needed']:.0f}", float(row["images_needed"]))
    share = number(100 * row["saved"], ".0f")
    return [needed, share._replace(text=at_least + share.text)]


def _p_cell(row: Row, form: str, kind: str) -> Cell:
    p = row[f"{form}_{kind}"]
    return probability(p, strong=form == "holm" and p < ALPHA)
