"""Ways to choose over several trainings of an encoder, as the page shows them."""

from __future__ import annotations

import pandas as pd

from analysis.page.table import (
    Cell,
    Row,
    View,
    interval,
    name_cells,
    naming,
    number,
    probability,
    view_of,
    whole,
)  # fmt: skip
from analysis.statistics.paired_tests import ALPHA

SOURCE = "over_trainings.csv"
TITLES = {"auc": ("AUC", ".3f"), "coverage": ("Class coverage", ".2f")}


def over_trainings(measure: str, found: pd.DataFrame) -> View:
    """Means of a measure over trainings with their intervals, and differences to random."""
    title, form = TITLES[measure]
    found = found[found[f"{measure}_mean"].notna()]
    names = naming(found, ["varied", "initial", "strategy"])
    rows = [_row(row, names, measure, form) for row in found.to_dict("records")]
    header = [*names, "labelled", "trainings", "trials", title, "95 % interval",
              "less random", "95 % interval", "above", "p"]  # fmt: skip
    caption = (
        f"{title} over trainings of the encoder: the mean of each training's trials, Student's "
        "interval over trainings; the difference to random on the same training, on how many "
        "trainings it is above, and Student's paired p without correction; bold below .05"
    )
    return view_of(caption, SOURCE, header, rows, names)


def _row(row: Row, names: list[str], measure: str, form: str) -> list[Cell]:
    value = {part: row[f"{measure}_{part}"] for part in _PARTS}
    shown = value["p"] < ALPHA
    above = f"{value['above']:.0f} of {value['pairs']:.0f}" if value["pairs"] > 0 else ""
    return [
        *name_cells({**row, "varied": row["varied"] if above else ""}, names),
        whole(row["labelled"]), whole(row["n"]), whole(row["trials"]),
        number(value["mean"], form), interval(value["low"], value["high"], form),
        number(value["difference"], f"+{form}", strong=shown),
        interval(value["low_difference"], value["high_difference"], f"+{form}"),
        Cell(above, value["above"] if above else None), probability(value["p"], strong=shown),
    ]  # fmt: skip


_PARTS = (
    "mean", "low", "high", "difference", "low_difference", "high_difference", "above", "pairs", "p",
)  # fmt: skip
