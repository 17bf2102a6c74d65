"""Labels that strategies save: how many fewer they need for the AUC that random has.

Or for its mean per-class accuracy, or accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.figures.text import MINUS
from analysis.page.blocks import Sentence
from analysis.page.table import (
    MISSING,
    Column,
    PageCell,
    PageTable,
    Row,
    count,
    interval,
    name_columns,
    number,
    number_cell,
    page_table,
)
from analysis.sections.base import Setting
from analysis.sections.versus_random.differences import WHO
from analysis.statistics import learning_curves
from analysis.statistics.intervals import ROUNDING
from analysis.statistics.learning_curves import LEAST
from analysis.study.comparisons import INITIAL, QUERY, Comparison, comparisons
from analysis.study.grouping import CURVE, SETTING, groups, to_frame
from analysis.study.measures import IN_WORDS, PRIMARY, mean_of, table_of
from analysis.study.stopped import SPARED, without_curves
from analysis.study.study import Study

MEASURES = [
    "random_auc", "images_needed", "saved", "saved_low", "saved_high", "not_reached", "at_least",
]  # fmt: skip


def annotation_saved(study: Study, summary: pd.DataFrame, measure: str = PRIMARY) -> pd.DataFrame:
    """Labels saved at the mean that random has with each budget, with a bootstrap interval.

    `at_least`: the strategy is there already with the smallest budget tried, so it may need fewer.
    `not_reached`: share of the resamples in which it never gets there; where that is too large
    the interval has no low end (-inf), and no high one (inf) where too many are above already with
    the smallest budget. There is none from fewer than LEAST choices of images.
    """
    if SPARED in summary:
        summary = without_curves(summary, summary[SPARED] > 0)
    trials = {
        comparison.varied: comparison
        for comparison in comparisons(study.compared_curves, study.baseline)
    }
    rows = (
        {"varied": comparison.varied, **row}
        for comparison in comparisons(summary, study.baseline)
        for row in _savings(comparison, trials[comparison.varied], measure)
    )
    columns = [f"random_{measure}" if name == "random_auc" else name for name in MEASURES]
    return to_frame(rows, ["varied", *CURVE, "labelled", *columns])


def savings_table(measure: str, saved: pd.DataFrame) -> PageTable:
    """Labels needed for what random has with the most labels."""
    words = IN_WORDS[measure]
    rows = saved[saved["labelled"] == saved.groupby(SETTING)["labelled"].transform("max")]
    return page_table(
        f"Labels needed for the {mean_of(words)} that random has with the most labels; the "
        f"interval is over resampled choices of images, of which it needs {LEAST}",
        f"{table_of('annotation_saved', measure)}.csv",
        rows,
        name_columns(rows, WHO),
        [
            count("labels of random", "labelled"),
            number(f"its {words}", f"random_{measure}", ".3f"),
            Column("labels needed", _needed_cell),
            Column("saved, %", _saved_cell),
            interval("95 % interval, %", "saved_low", "saved_high", ".0f", times=100),
            number("resamples that never reach it, %", "not_reached", ".0f", times=100),
        ],
    )


def savings_sentences(setting: Setting) -> Iterator[Sentence]:
    """Say who saved the most labels of those that random had at the end."""
    measure = setting.measure
    saved = setting.table(table_of("annotation_saved", measure))
    last = saved[saved["labelled"] == saved["labelled"].max()]
    reached = last[last["saved"] > 0]
    if last.empty or setting.rows["labelled"].nunique() < 2:  # with one, no fewer were tried
        return
    if reached.empty:
        budget = last["labelled"].iloc[0]
        text = (
            f"no strategy reached {setting.baseline}'s {mean_of(setting.words)} at {budget} labels "
            "with fewer."
        )
        yield Sentence("Labels saved:", text)
        return
    best = reached.loc[reached["saved"].idxmax()].copy()
    best["round"] = 1  # of a query strategy, not of a first query
    most, least = ("at most ", "at least ") if best["at_least"] else ("", "")
    yield Sentence(
        "Labels saved:",
        f"{setting.selection_in_words(best)} needed {most}{best['images_needed']:.0f} labels for "
        f"the {mean_of(setting.words)} that {_random_instead(best, setting)} had with "
        f"{best['labelled']} ({best[f'random_{measure}']:.3f}): {least}{100 * best['saved']:.0f} % "
        f"fewer, read off the mean curves{_interval_in_words(best)}"
        f"{_as_many(best, reached, setting)}{_of_random_itself(best, saved, measure)}.",
    )


def _savings(means: Comparison, trials: Comparison, measure: str) -> Iterator[dict[str, Any]]:
    """Yield what each mean curve saves at each budget, with intervals from the trials."""
    keys = [*means.keys, "labelled"]
    mean, target = f"{measure}_mean", f"random_{measure}"
    random = means.random[[*keys, mean]].rename(columns={mean: target})
    curves = means.rows.merge(random, on=keys).dropna(subset=[mean, target])
    own = dict(_by_curve(trials.rows, CURVE, measure))
    of_random = dict(_by_curve(trials.random, means.keys, measure))
    for key, curve in groups(curves, CURVE):
        matrices = own[tuple(key.values())], of_random[tuple(key[k] for k in means.keys)]
        start = 1 if means.varied == QUERY else 0
        for row in _saved(curve.sort_values("labelled"), measure, *matrices)[start:]:
            yield {**key, **row}


def _saved(
    curve: pd.DataFrame, measure: str, own: pd.DataFrame, random: pd.DataFrame
) -> list[dict[str, Any]]:
    """Return what a mean curve saves at each of its budgets; those of trials are seed by budget."""
    columns = ("labelled", f"{measure}_mean", f"random_{measure}")
    budgets, means, targets = (curve[name].to_numpy() for name in columns)
    needed, saved = learning_curves.annotation_saved(budgets, means, targets)
    trials = [side.reindex(columns=budgets) for side in (own, random)]
    same_seeds = own.index.get_level_values("seed").equals(random.index.get_level_values("seed"))
    choices = _choices(own), _choices(random)
    paired = same_seeds and all(len(set(side)) == len(own) for side in choices)
    resampled = learning_curves.savings(budgets, *trials, paired=paired, choices=choices)
    return [
        {
            "labelled": budget,
            f"random_{measure}": targets[k],
            "images_needed": needed[k],
            "saved": saved[k],
            "saved_low": resampled[k].interval.low,
            "saved_high": resampled[k].interval.high,
            "not_reached": resampled[k].not_reached,
            "at_least": bool(learning_curves.starts_beyond(means[0], targets[k])),
        }
        for k, budget in enumerate(budgets)
    ]


def _choices(trials: pd.DataFrame) -> npt.NDArray[Any]:
    choices: npt.NDArray[Any] = trials.index.get_level_values("choice").to_numpy()
    return choices


def _by_curve(
    trials: pd.DataFrame, keys: list[str], measure: str
) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """A measure of a curve's trials, by seed and all its choices, and by budget."""
    for key, group in groups(trials, keys):
        values = group.pivot_table(index="seed", columns="labelled", values=measure, dropna=False)
        chosen = group.sort_values("labelled").groupby("seed")["choice"].agg("/".join)
        values.index = pd.MultiIndex.from_arrays(
            [values.index, chosen.reindex(values.index)], names=["seed", "choice"]
        )
        yield tuple(key.values()), values


def _needed_cell(row: Row) -> PageCell:
    if math.isnan(row["saved"]):
        return PageCell("not reached", math.inf)
    bound = "≤ " if row["at_least"] else ""
    return PageCell(f"{bound}{row['images_needed']:.0f}", float(row["images_needed"]))


def _saved_cell(row: Row) -> PageCell:
    if math.isnan(row["saved"]):
        return MISSING
    share = number_cell(100 * row["saved"], ".0f")
    return share._replace(text=f"≥ {share.text}" if row["at_least"] else share.text)


def _random_instead(best: pd.Series, setting: Setting) -> str:
    """Name the selection that a row was compared with."""
    if best["varied"] == QUERY:
        return setting.report.study.selection(str(best["initial"]), setting.baseline)
    if best["varied"] == INITIAL:
        return setting.report.study.selection(setting.baseline, str(best["strategy"]))
    return setting.baseline


def _as_many(best: pd.Series, reached: pd.DataFrame, setting: Setting) -> str:
    """Name the others that saved as many labels; as all did that are above with the fewest.

    Of those that were compared with the same selection: another one's mean is another target.
    """
    equal = reached[np.isclose(reached["saved"], best["saved"], rtol=0, atol=1e-9)]
    rows = equal.drop(index=best.name).assign(round=1)
    target = _random_instead(best, setting)
    others = (row for _, row in rows.iterrows() if _random_instead(row, setting) == target)
    names = dict.fromkeys(map(setting.selection_in_words, others))
    return f"; as many as {', '.join(names)}" if names else ""


def _of_random_itself(best: pd.Series, saved: pd.DataFrame, measure: str) -> str:
    """Say where random's own mean curve was as high with fewer labels."""
    of_curve = (saved[["varied", *CURVE]] == best[["varied", *CURVE]]).all(axis=1)
    own, target = saved[of_curve], best[f"random_{measure}"]
    as_high = own[f"random_{measure}"] >= target - ROUNDING * abs(target)
    first = own.loc[as_high, "labelled"].min()
    return "" if first == best["labelled"] else f"; random itself had as much with {first:,}"


def _interval_in_words(best: pd.Series) -> str:
    low, high = best["saved_low"], best["saved_high"]
    if math.isnan(low):
        return f" (no interval: fewer than {LEAST} choices)"
    if math.isinf(low) and math.isinf(high):
        return " (95 % interval without ends: it may never get there, or with fewer labels)"
    if math.isinf(low):
        return f" (95 % interval up to {100 * high:.0f} %, no lower end: it may never get there)"
    if math.isinf(high):
        text = f" (95 % interval from {100 * low:.0f} %, no upper end: fewer labels were not tried)"
    else:
        text = f" (95 % interval {100 * low:.0f} to {100 * high:.0f} %, over resampled choices)"
    return text.replace("-", MINUS)
