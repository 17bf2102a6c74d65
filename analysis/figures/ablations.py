"""One parameter that varies alone: measures over its values, and balance against accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import style, tooltips
from analysis.figures.text import printable

MOST_PANELS = 9
MOST_BUDGETS = 4


class Panel(NamedTuple):
    """Rows of `ablations` in which nothing but the parameter and the labels varies."""

    title: str
    parameter: str
    rows: pd.DataFrame


def ablation(rows: pd.DataFrame) -> Figure:
    """Draw the mean AUC over the values of each parameter, a line per number of labels."""
    panels = list(_panels(rows))[:MOST_PANELS]
    figure, flat = _grid(len(panels))
    for axis, panel in zip(flat, panels, strict=False):
        positions, names = _positions(panel.rows["value"])
        looks = iter(style.lines(map(str, range(MOST_BUDGETS)), "").values())
        for labelled in _some_budgets(panel.rows):
            at_budget = panel.rows[panel.rows["labelled"] == labelled]
            _draw_values(axis, at_budget, positions, next(looks))
        shown = [printable(name, style.LONGEST) for name in names]
        axis.set_xticks(range(len(names)), shown, rotation=0 if _fit(shown) else 30)
        axis.set_title(panel.title)
        axis.set_xlabel(panel.parameter)
        axis.margins(x=0.08)
    for axis in flat[:: style.columns_for(len(panels))]:
        axis.set_ylabel("AUC")
    style.legend_below(figure)
    return figure


def balance(rows: pd.DataFrame) -> Figure:
    """Draw accuracy and entropy over the L1 score as lambda moves, at the last labels."""
    panels = list(_panels(rows))[: MOST_PANELS // 2]
    figure, flat = _grid(2 * len(panels), columns=2)
    measures = (("accuracy", "accuracy"), ("class_entropy", "entropy of the classes"))
    for number, panel in enumerate(panels):
        last = panel.rows[panel.rows["labelled"] == panel.rows["labelled"].max()]
        for side, (measure, words) in enumerate(measures):
            axis = flat[2 * number + side]
            _draw_path(axis, last, measure)
            axis.set_title(panel.title if side == 0 else "")
            axis.set_xlabel("L1 score (0: balanced)")
            axis.set_ylabel(words)
    return figure


def _grid(panels: int, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    columns = columns or style.columns_for(panels)
    rows = -(-panels // columns)
    figure = style.new_figure(max(4.4, 3.3 * columns), 3.0 * rows + 0.5)
    axes = style.grid_axes(figure, rows, columns)
    flat = [axis for row in axes for axis in row]
    for axis in flat[panels:]:
        axis.set_visible(False)
    return figure, flat


def _panels(rows: pd.DataFrame) -> Iterator[Panel]:
    """Split by what is not varied; of several such places the name says what differs."""
    several = [name for name in ("encoder", "learner", "initial") if rows[name].nunique() > 1]
    single = rows["rounds"] == 1
    for (kind, is_single), part in rows.groupby([rows["kind"], single], sort=False):
        # In a single query the initial strategy is the strategy.
        others = [k for k in several if k != kind and not (k == "initial" and is_single)]
        keys = ["component", "parameter", "fixed", "rounds", *others]
        for _, group in part.groupby(keys, sort=False):
            if group["value"].nunique() > 1:
                first = group.iloc[0]
                words = [str(first[name]) for name in ("component", "fixed", *others)]
                title = printable(", ".join(word for word in words if word), 38)
                yield Panel(title, str(first["parameter"]), group)


def _positions(values: pd.Series[str]) -> tuple[dict[str, int], list[str]]:
    """Places on the axis: numbers in their order, words after them."""
    names = sorted(values.unique(), key=_order)
    return {name: place for place, name in enumerate(names)}, names


def _order(value: str) -> tuple[int, float, str]:
    if value == "none":
        return (0, 0.0, value)
    try:
        return (1, float(value), value)
    except ValueError:
        return (2, 0.0, value)


def _fit(names: list[str]) -> bool:
    return sum(map(len, names)) <= 30


def _some_budgets(rows: pd.DataFrame) -> list[int]:
    budgets = np.sort(rows["labelled"].unique())
    places = np.linspace(0, len(budgets) - 1, min(MOST_BUDGETS, len(budgets))).round().astype(int)
    return [int(budgets[place]) for place in dict.fromkeys(places)]


def _draw_values(
    axis: Axes, rows: pd.DataFrame, positions: dict[str, int], look: style.Line
) -> None:
    mean = rows.groupby("value")["auc_mean"].mean().dropna()
    std = rows.groupby("value")["auc_std"].mean()
    names = sorted(map(str, mean.index), key=positions.__getitem__)
    if not names:
        return
    labelled = int(rows["labelled"].iloc[0])
    y, spread = mean[names].to_numpy(), np.nan_to_num(std[names].to_numpy())
    x = [positions[name] for name in names]
    of_line: dict[str, Any] = {"color": look.color}
    label = f"{labelled} labeled images"
    [line] = axis.plot(x, y, marker=look.marker, ls=look.dash, label=label, **of_line)
    axis.errorbar(x, y, spread, **of_line, ls="none", capsize=3, lw=1)
    tooltips.attach(line, [f"{name}, {labelled} labeled: {a:.3f} ± {s:.3f}"
                        for name, a, s in zip(names, y, spread, strict=True)])  # fmt: skip


def _draw_path(axis: Axes, rows: pd.DataFrame, measure: str) -> None:
    known = rows.dropna(subset=["l1_score_mean", f"{measure}_mean"])
    known = known.assign(order=known["value"].map(_order)).sort_values("order")
    if known.empty:
        return
    x, y = known["l1_score_mean"].to_numpy(), known[f"{measure}_mean"].to_numpy()
    [line] = axis.plot(x, y, marker="o", color=style.HUES[0], lw=1)
    tooltips.attach(line, [f"λ {v}: L1 {a:.3f}, {b:.3f}"
                        for v, a, b in zip(known["value"], x, y, strict=True)])  # fmt: skip
    for value, a, b in zip(known["value"], x, y, strict=True):
        axis.annotate(
            f"λ {printable(value)}", (a, b), textcoords="offset points", xytext=(5, 5), size=8
        )
    axis.margins(0.15)
