"""Curves over the number of labeled images: mean, and a band of one std either way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, Locator, MaxNLocator

from analysis.figures import style, tooltips
from analysis.figures.spec import FigureSpec, subsets
from analysis.figures.style import Line
from analysis.figures.text import printable
from analysis.study.grouping import in_sequence
from analysis.study.measures import mean_of
from analysis.study.stopped import SPARED

Looks = Mapping[str, Line]
Floats = npt.NDArray[np.float64]
NARROW, WIDE = 6.4, 9.6  # inches; one panel, several
MOST_BANDS = 10  # lines of a panel that can have bands and still be told apart


class Measure(NamedTuple):
    """A measure in words, what it is measured on, and whether less of it is better."""

    words: str
    of: str
    less_is_better: bool = False


MEASURES = {
    "auc": Measure("AUC", "the test set"),
    "accuracy": Measure("accuracy", "the test set"),
    "mean_class_accuracy": Measure("mean per-class accuracy", "the test set"),
    "mean_average_precision": Measure("mean average precision", "the test set"),
    "f1": Measure("F1", "the test set"),
    "coverage": Measure("class coverage", "the labeled images (classes with a label / classes)"),
    "pool_error": Measure(
        "misclassified share", "the images that are not labeled yet", less_is_better=True
    ),
}


class Panel(NamedTuple):
    """A set of lines that share axes: strategies, or initial strategies of one query strategy."""

    title: str
    who: str
    cells: pd.DataFrame


def curve_specs(summary: pd.DataFrame, measure: str, baseline: str) -> Iterator[FigureSpec]:
    """Plan the curves of a measure of the summary; none where it was not measured."""
    words, of, _ = MEASURES[measure]
    looks = looks_of(summary, baseline)
    for file, place, part in subsets(summary[summary["done"] > 0]):
        if measure != "auc" and part[f"{measure}_mean"].isna().all():
            continue
        yield FigureSpec(
            kind_of(measure),
            file,
            f"{capital(words)} on {place}",
            f"{capital(mean_of(words))} on {of} over seeds; {spread_in_words(part)}; random "
            f"selection is dotted. {_trials_in_words(part)}",
            ends_in_words(part, measure, "summary.csv"),
            "summary.csv",
            partial(curves, part, measure, words, looks),
        )


def kind_of(measure: str) -> str:
    """Return the kind of the figures that show a measure."""
    return measure.replace("_", "-")


def capital(words: str) -> str:
    """Begin words with a capital."""
    return f"{words[:1].upper()}{words[1:]}"


def looks_of(summary: pd.DataFrame, baseline: str) -> Looks:
    """Return the look of every strategy in a run, initial or not."""
    names = [*summary["initial"], *summary["strategy"]]
    return style.lines(names, baseline)


def curves(summary: pd.DataFrame, measure: str, label: str, looks: Looks) -> Figure:
    """Draw a measure against labeled images: mean, and a band of one std either way.

    summary: single queries or cycles, not both.
    """
    panels = list(_panels(summary))
    columns = style.columns_for(len(panels))
    rows = -(-len(panels) // columns)
    names = {style.legend_name(n) for panel in panels for n in panel.cells[panel.who].unique()}
    width = NARROW if columns == 1 else WIDE
    legend_rows = -(-len(names) // style.legend_columns(names, width))
    height = (3.6 if columns == 1 else 2.9) * rows + 0.22 * legend_rows
    figure = style.new_figure(width, height)
    axes = style.grid_axes(figure, rows, columns, sharex="col", sharey=True)
    flat = [axis for row in axes for axis in row]
    for axis, panel in zip(flat, panels, strict=False):
        _draw_panel(axis, panel, measure, looks)
    style.label_outer(axes, len(panels), "labeled images", label)
    style.legend_below(figure)
    return figure


def _panels(summary: pd.DataFrame) -> Iterator[Panel]:
    """Split a dataset x encoder so that no panel holds initial x query strategies at once."""
    several = summary["learner"].nunique() > 1
    for learner, part in summary.groupby("learner", sort=False):
        prefix = printable(learner, style.LONGEST) if several else ""
        crossed = part["rounds"].max() > 1 and part["initial"].nunique() > 1
        if not crossed:
            yield Panel(prefix, "strategy", part)
        elif part["strategy"].nunique() == 1:
            yield Panel(prefix, "initial", part)
        else:
            for query, cells in part.groupby("strategy", sort=False):
                title = f"then {printable(query, 40)}" + (f" ({prefix})" if prefix else "")
                yield Panel(title, "initial", cells)


def has_all_bands(summary: pd.DataFrame) -> bool:
    """Whether no panel has so many lines that bands would hide them."""
    return all(panel.cells[panel.who].nunique() <= MOST_BANDS for panel in _panels(summary))


def spread_in_words(part: pd.DataFrame) -> str:
    """Say how a figure of these rows shows standard deviations."""
    if has_all_bands(part):
        return "the band is one sample standard deviation either way"
    return (
        f"standard deviations are told by the marks, as bands of more than {MOST_BANDS} lines "
        "would hide them"
    )


def ends_in_words(part: pd.DataFrame, measure: str, source: str) -> str:
    """Say what the figure shows to those who cannot see it: who is ahead with the most labels."""
    words, _, less_is_better = MEASURES[measure]
    last = part[part["labelled"] == part["labelled"].max()].dropna(subset=[f"{measure}_mean"])
    best = last.sort_values(f"{measure}_mean", ascending=less_is_better, kind="stable").head(3)
    listed = "; ".join(
        f"{_who(row)} {row[f'{measure}_mean']:.3f}" for row in best.to_dict("records")
    )
    return (
        f"Line chart of {words} against labeled images. "
        f"{'Lowest' if less_is_better else 'Highest'} with {part['labelled'].max()} labels: "
        f"{listed or 'none measured'}. All values are in {source}."
    )


def _who(row: Mapping[Any, Any]) -> str:
    if row["rounds"] == 1:
        return str(row["strategy"])
    return in_sequence(str(row["initial"]), str(row["strategy"]))


def _trials_in_words(part: pd.DataFrame) -> str:
    low, high = int(part["done"].min()), int(part["done"].max())
    trials = f"{low} trials a point." if low == high else f"{low} to {high} trials a point."
    if SPARED not in part or not part[SPARED].any():
        return trials
    names = dict.fromkeys(part.loc[part[SPARED] > 0, "strategy"])
    return f"{trials} Stopped early, at some points over fewer trials: {', '.join(names)}."


def _draw_panel(axis: Axes, panel: Panel, measure: str, looks: Looks) -> None:
    banded = panel.cells[panel.who].nunique() <= MOST_BANDS
    for name, cells in panel.cells.groupby(panel.who, sort=False):
        known = cells[cells[f"{measure}_mean"].notna()].sort_values("labelled")
        if len(known):
            _draw_line(axis, str(name), known, measure, looks[str(name)], banded=banded)
    axis.set_title(panel.title)
    axis.xaxis.set_major_locator(_budget_ticks(panel.cells["labelled"].unique()))
    axis.margins(x=0.03)


def _draw_line(
    axis: Axes, name: str, cells: pd.DataFrame, measure: str, look: Line, *, banded: bool
) -> None:
    x = cells["labelled"].to_numpy(np.float64)
    mean = cells[f"{measure}_mean"].to_numpy(np.float64)
    std = cells[f"{measure}_std"].to_numpy(np.float64)
    low, high = _band(mean, np.nan_to_num(std))
    of_line: dict[str, Any] = {"color": look.color, "zorder": look.above}
    label = style.legend_name(name)
    [line] = axis.plot(x, mean, marker=look.marker, ls=look.dash, label=label, **of_line)
    if len(x) > 1 and banded:
        axis.fill_between(x, low, high, color=look.color, alpha=0.13, lw=0)
    elif banded:
        axis.errorbar(x, mean, [mean - low, high - mean], **of_line, capsize=3)
    values = zip(x, mean, std, cells["done"], strict=True)
    tooltips.attach(line, [_in_words(label.strip(), *value) for value in values])


def _band(mean: Floats, std: Floats) -> tuple[Floats, Floats]:
    """One std either way, within what a share can be."""
    return np.maximum(mean - std, 0), np.maximum(mean, np.minimum(mean + std, 1))


def _in_words(name: str, labeled: float, mean: float, std: float, trials: int) -> str:
    spread = "" if np.isnan(std) else f" ± {std:.3f}"
    return f"{name}, {labeled:.0f} labeled: {mean:.3f}{spread}, {trials} trials"


def _budget_ticks(budgets: npt.NDArray[Any]) -> Locator:
    """Ticks at the budgets themselves where they are few and far enough apart."""
    sorted_budgets = np.sort(budgets)
    span = max(sorted_budgets[-1] - sorted_budgets[0], 1)
    near = len(budgets) > 1 and np.diff(sorted_budgets).min() < 0.07 * span
    return MaxNLocator(integer=True, nbins=6) if near else FixedLocator(sorted_budgets.tolist())
