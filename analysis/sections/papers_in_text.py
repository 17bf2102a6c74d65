"""Numbers that stand in the text of the papers alone, beside what was measured here.

* pearson_r: AUC after the first with AUC after the last query, over the initial strategies (HaCon);
* auc_gain: mean AUC less that of random selection, in points, at one number of labels (HaCon);
* labels_saved: fewer labels than random for its mean AUC at its largest number, in % (HaCon);
* missed_ratio: classes without a label in a query of random selection, times those of the strategy,
  at one number of labels (low-budget);
* more_time: seconds of selection and training of a trial beyond those of entropy, in % (MSAL).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import pandas as pd

from analysis.page.blocks import Block, Text
from analysis.page.table import PageTable, count, interval, name_columns, number, page_table, text
from analysis.sections.base import Report, Tables, section
from analysis.sections.papers.match import Curve, counts, curves, is_named, is_of_dataset
from analysis.sections.papers.printed import FOLDER
from analysis.study.grouping import CURVE, SETTING, as_labels, groups, to_frame
from analysis.study.study import Study

PLACE = ["paper", "place", "quantity", *SETTING, "initial", "strategy", "labelled"]
COLUMNS = [*PLACE, "n", "over", "measured", "low", "high", "printed", "note"]
NAMES = {
    "pearson_r": "Pearson's r of first and last AUC",
    "auc_gain": "AUC beyond random, points",
    "labels_saved": "labels saved, %",
    "missed_ratio": "classes missed by random, times its own",
    "more_time": "time beyond entropy, %",
}
Row: TypeAlias = dict[str, Any]
Printed: TypeAlias = Mapping[str, Any]


def tables(study: Study, earlier: Tables) -> Tables:
    """The printed numbers that the study has a value of, a row for each setting."""
    study_curves = curves(study)
    rows = (
        {**dict.fromkeys(COLUMNS, ""), **_of_print(printed), **row}
        for printed in printed_numbers()
        for row in MEASURE[printed["quantity"]](study, earlier, study_curves, printed)
    )
    numbers = to_frame(rows, COLUMNS)
    return {"papers_in_text": numbers} if len(numbers) else {}


def printed_numbers() -> list[Row]:
    """Read the numbers in the papers' text: a mapping of texts each."""
    with FOLDER.joinpath("data", "in_text.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


@section(
    "in-text",
    title="Papers' text",
    heading="Numbers in the text of the papers",
    order=95,
    tables=tables,
    captions=lambda: {"papers_in_text": "Numbers in the text of the papers, and measured here"},
)
def content(report: Report) -> Iterator[Block]:
    """One table of all numbers."""
    if "papers_in_text" in report.tables:
        yield Text(
            "Each number belongs to the paper's own data, encoder and learner; those of this run "
            "stand beside it. Pearson's r is over initial strategies, each the mean of its trials."
        )
        yield _table(report.tables["papers_in_text"])


def _table(rows: pd.DataFrame) -> PageTable:
    named = rows.assign(quantity=rows["quantity"].map(NAMES))
    return page_table(
        "Numbers in the text of the papers, and measured here",
        "papers_in_text.csv",
        named,
        ["quantity", *name_columns(named, ["initial", "strategy"])],
        [
            text("labeled", "labelled", optional=True),
            count("n", "n"),
            text("over", "over"),
            number("measured", "measured", ".2f"),
            interval("95 % interval", "low", "high", ".2f"),
            text("printed", "printed"),
            text("note on the print", "note", optional=True),
        ],
    )


def _of_print(printed: Printed) -> Row:
    return {name: printed[name] for name in ("paper", "place", "quantity", "printed", "note")}


def _labels(study_curves: list[Curve], printed: Printed) -> set[tuple[str, str]]:
    """Labels (dataset, query strategy) of the curves that a number may be of."""
    return {
        (str(curve.place[0]), str(curve.place[SETTING.index("learner") + 2]))
        for curve in study_curves
        if is_named(printed["strategy"], curve.definition["strategy"])
        and is_of_dataset(printed, curve.definition)
    }


def _rows_of(table: pd.DataFrame, study_curves: list[Curve], printed: Printed) -> pd.DataFrame:
    """Rows of a table that are of the dataset and strategy of a number."""
    wanted = _labels(study_curves, printed)
    pairs = zip(table["dataset"], table["strategy"], strict=True)
    selected = pd.Series([pair in wanted for pair in pairs], table.index, dtype=bool)
    rows: pd.DataFrame = table[selected]
    return rows


def _correlations(
    _study: Study, earlier: Tables, study_curves: list[Curve], printed: Printed
) -> Iterator[Row]:
    rows = _rows_of(earlier["correlation_of_means"], study_curves, printed)
    for row in rows[rows["labelled_last"].isin(counts(printed))].to_dict("records"):
        yield {
            **{name: row[name] for name in (*SETTING, "strategy", "low", "high", "n", "over")},
            "labelled": f"{row['labelled_first']} to {row['labelled_last']}",
            "measured": row["r"],
        }


def _gains(
    _study: Study, earlier: Tables, study_curves: list[Curve], printed: Printed
) -> Iterator[Row]:
    rows = _rows_of(earlier["against_random"], study_curves, printed)
    rows = rows[(rows["metric"] == "auc") & (rows["rounds"] == 1)]
    for row in rows[rows["labelled"].isin(counts(printed))].to_dict("records"):
        if not math.isnan(row["all_mean"]):
            yield {
                **{name: row[name] for name in (*SETTING, "strategy", "labelled")},
                "n": row["n_own"],
                "over": "trials, against all of random's",
                **{end: 100 * row[f"all_{end}"] for end in ("low", "high")},
                "measured": 100 * row["all_mean"],
            }


def _savings(
    _study: Study, earlier: Tables, study_curves: list[Curve], printed: Printed
) -> Iterator[Row]:
    rows = _rows_of(earlier["annotation_saved"], study_curves, printed)
    rows = rows[rows["rounds"] == 1]
    largest = rows.groupby(SETTING)["labelled"].transform("max")
    for row in rows[rows["labelled"] == largest].to_dict("records"):
        yield {
            **{name: row[name] for name in (*SETTING, "strategy", "labelled")},
            "n": math.nan,
            "over": f"mean curves{', at least' if row['at_least'] else ''}",
            **{end: 100 * row[f"saved_{end}"] for end in ("low", "high")},
            "measured": 100 * row["saved"],
        }


def _missed(
    study: Study, _earlier: Tables, study_curves: list[Curve], printed: Printed
) -> Iterator[Row]:
    """Compare the mean shares of classes that single queries miss; none where all are covered."""
    place = [*SETTING, "labelled"]
    single = as_labels(study.rounds[study.rounds["rounds"] == 1])
    missed = single.assign(missed=1 - single["coverage"]).groupby([*place, "strategy"], sort=False)
    shares = missed["missed"].agg(["mean", "size"]).reset_index()
    of_random = shares[shares["strategy"] == study.baseline].set_index(place)["mean"]
    rows = _rows_of(shares, study_curves, printed)
    for row in rows[rows["labelled"].isin(counts(printed)) & (rows["mean"] > 0)].to_dict("records"):
        base = of_random.get(tuple(row[name] for name in place), math.nan)
        if not math.isnan(base):
            yield {
                **{name: row[name] for name in (*place, "strategy")},
                "n": row["size"],
                "over": "trials",
                "low": math.nan,
                "high": math.nan,
                "measured": base / row["mean"],
            }


def _times(
    study: Study, _earlier: Tables, study_curves: list[Curve], printed: Printed
) -> Iterator[Row]:
    """Compare the seconds of whole trials with entropy's on the same data in as many rounds."""
    entropy = {"strategy": "entropy", "dataset": printed["dataset"]}
    rounds = as_labels(study.rounds).assign(
        spent=lambda frame: frame["select_seconds"] + frame["train_seconds"]
    )
    spent = rounds.groupby([*CURVE, "trial"], sort=False)["spent"].sum().reset_index()
    reference = _rows_of(spent, study_curves, entropy).groupby(["dataset", "encoder", "rounds"])
    of_entropy = reference["spent"].mean()
    for key, trials in groups(_rows_of(spent, study_curves, printed), CURVE):
        base = of_entropy.get((key["dataset"], key["encoder"], key["rounds"]), math.nan)
        if key["rounds"] > 1 and base > 0:
            yield {
                **{name: key[name] for name in (*SETTING, "initial", "strategy")},
                "n": len(trials),
                "over": "trials",
                "low": math.nan,
                "high": math.nan,
                "measured": 100 * (trials["spent"].mean() / base - 1),
            }


MEASURE: Mapping[str, Callable[[Study, Tables, list[Curve], Printed], Iterator[Row]]] = {
    "pearson_r": _correlations,
    "auc_gain": _gains,
    "labels_saved": _savings,
    "missed_ratio": _missed,
    "more_time": _times,
}
