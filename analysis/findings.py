"""What the tables say, in sentences with their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics.paired_tests import ALPHA
from analysis.tables import CYCLES, SETTING, groups, shapes

Tables = dict[str, pd.DataFrame]
COMPARISONS = ("against_random", "annotation_saved", "correlation")
MINUS = "\N{MINUS SIGN}"
MANY_TIMES = 3  # as many seeds of random as of ours: pairs alone would waste the others
MOST_SETTINGS = 6  # beyond this many, only the ends of the budgets are told


class Finding(NamedTuple):
    """A sentence, the words it opens with, and the setting where it holds."""

    where: str
    lead: str
    text: str


Sentence = tuple[str, str]  # opening words, rest


def findings(tables: Tables, baseline: str, oracles: frozenset[str] = frozenset()) -> list[Finding]:
    """Write the headline sentences of a run; oracles, which read true labels, do not compete."""
    summary = tables["summary"]
    competing = ~(summary["initial"].isin(oracles) | summary["strategy"].isin(oracles))
    measured = summary[(summary["n"] > 0) & competing]
    found: list[Finding] = []
    measured = measured.assign(shape=shapes(measured))
    settings = list(groups(measured, [*SETTING, "shape"]))
    for key, cells in settings:
        where = _where(key, measured)
        mine = {name: _of(tables[name], key) for name in COMPARISONS}
        texts = [
            *_best(cells, mine["against_random"], baseline, brief=len(settings) > MOST_SETTINGS),
            *_coverage(cells, baseline),
            *_saved(_without(mine["annotation_saved"], oracles), baseline),
            *_starts(mine["correlation"]),
        ]
        found += [Finding(where, lead, text) for lead, text in texts]
    return found


def _without(table: pd.DataFrame, oracles: frozenset[str]) -> pd.DataFrame:
    found: pd.DataFrame = table[~(table["initial"].isin(oracles) | table["strategy"].isin(oracles))]
    return found


def _where(key: dict[str, Any], cells: pd.DataFrame) -> str:
    """Name of a setting: the dataset, and what else differs between settings."""
    parts = [key["dataset"]]
    parts += [key[k] for k in ("encoder", "learner", "shape") if cells[k].nunique() > 1]
    return ", ".join(parts)


def _of(table: pd.DataFrame, key: dict[str, Any]) -> pd.DataFrame:
    # A table without rounds is of cycles alone.
    shape = shapes(table) if "rounds" in table else CYCLES
    here = np.logical_and.reduce([table[name] == key[name] for name in SETTING])
    found: pd.DataFrame = table[here & (shape == key["shape"])]
    return found


def _best(
    cells: pd.DataFrame, against: pd.DataFrame, baseline: str, *, brief: bool
) -> Iterator[Sentence]:
    budgets = sorted(cells["labelled"].unique())
    for budget in [budgets[0], budgets[-1]][: len(budgets)] if brief else budgets:
        here = cells[cells["labelled"] == budget]
        best = here.loc[here["auc_mean"].idxmax()]
        rivals = here["initial"].nunique() if best["round"] == 0 else len(here)
        text = (
            f"{_who(best)} had the highest mean AUC of the {rivals} compared: "
            f"{best['auc_mean']:.3f}"
            f"{_interval(best, 'auc_low', 'auc_high')}, {_seeds(best['n'])}."
        )
        lead = f"{budget} labelled images:"
        yield lead, f"{text} {_against(best, against, baseline)}".strip()


def _who(row: pd.Series) -> str:
    if row["rounds"] == 1:
        return str(row["strategy"])
    if row["round"] == 0:
        return f"{row['initial']} as initial strategy"
    return f"{row['initial']}, then {row['strategy']}"


def _interval(row: pd.Series, low: str, high: str, sign: str = "") -> str:
    if math.isnan(row[low]):
        return " (no interval from one seed)"
    return f" (95 % interval {_signed(row[low], sign)} to {_signed(row[high], sign)})"


def _signed(value: float, sign: str) -> str:
    return f"{value:{sign}.3f}".replace("-", MINUS)


def _seeds(n: float) -> str:
    return "1 seed" if n == 1 else f"{n:.0f} seeds"


def _against(best: pd.Series, against: pd.DataFrame, baseline: str) -> str:
    if not baseline:
        return "No random selection ran beside it."
    same = against[(against["metric"] == "auc") & (against["round"] == best["round"])]
    for name in ("initial", "strategy", "rounds", "labelled"):
        same = same[same[name] == best[name]]
    same = same[same["n"] > 0]
    if same.empty:
        return ""
    row = same.iloc[-1 if best["round"] == 0 else 0]
    if row["n_random"] >= MANY_TIMES * row["n_own"] and not math.isnan(row["all_low"]):
        return (
            f"Against {baseline}{_fixed(row)}, over all of its {row['n_random']:.0f} seeds, it "
            f"differs by {_signed(row['all_mean'], '+')}"
            f"{_interval(row, 'all_low', 'all_high', '+')}{_verdict(row, 'all_', 'welch')}."
        )
    return (
        f"Against {baseline}{_fixed(row)}, on {_seeds(row['n'])} they share, it differs by "
        f"{_signed(row['mean'], '+')}{_interval(row, 'low', 'high', '+')}"
        f"{_verdict(row, '', 'student')}."
    )


def _fixed(row: pd.Series) -> str:
    return {
        "query strategy": f" after the same start ({row['initial']})",
        "initial strategy": f" as the start, with the same later queries ({row['strategy']})",
    }.get(str(row["varied"]), "")


def _verdict(row: pd.Series, kind: str, test: str) -> str:
    """Say what a test shows, and whether it stands among all comparisons made."""
    if math.isnan(row[f"{kind}low"]):
        return ""
    if row[f"{kind}low"] <= 0 <= row[f"{kind}high"]:
        return ": no difference is shown"
    side = ": better" if row[f"{kind}mean"] > 0 else ": worse"
    if row["comparisons"] < 2 or math.isnan(row[f"holm_{test}"]):
        return side
    of = f"Holm's correction for the {row['comparisons']:.0f} comparisons made"
    if row[f"holm_{test}"] < ALPHA:
        return f"{side}, also after {of}"
    return f"{side} on its own, but not shown after {of}"


def _coverage(cells: pd.DataFrame, baseline: str) -> Iterator[Sentence]:
    few = cells[cells["labelled"] == cells["labelled"].min()]
    chooser = few["strategy"].where(few["rounds"] == 1, few["initial"])
    random = few[chooser == baseline]
    best = few.loc[few["coverage_mean"].idxmax()]
    text = (
        f"with {best['labelled']} labelled images, {_who(best)} had a label in the largest mean "
        f"share of the classes, {_plus_minus(best, 'coverage')}"
    )
    if len(random) and chooser[best.name] != baseline:
        text += f"; {baseline} in {_plus_minus(random.iloc[0], 'coverage')}"
    yield "Class coverage:", text + "."


def _plus_minus(row: pd.Series, measure: str) -> str:
    mean, std = row[f"{measure}_mean"], row[f"{measure}_std"]
    return f"{mean:.2f}" if math.isnan(std) else f"{mean:.2f} ± {std:.2f}"


def _saved(saved: pd.DataFrame, baseline: str) -> Iterator[Sentence]:
    last = saved[saved["labelled"] == saved["labelled"].max()]
    reached = last[last["saved"] > 0]
    if reached.empty:
        if len(last):
            budget = last["labelled"].iloc[0]
            text = f"no strategy reached {baseline}'s mean AUC at {budget} labels with fewer."
            yield "Labels saved:", text
        return
    best = reached.loc[reached["saved"].idxmax()].copy()
    best["round"] = 1
    most, least = ("at most ", "at least ") if best["at_least"] else ("", "")
    instead = {
        "query strategy": f"{best['initial']}, then {baseline}",
        "initial strategy": f"{baseline}, then {best['strategy']}",
    }.get(str(best["varied"]), baseline)
    yield (
        "Labels saved:",
        f"{_who(best)} needed {most}{best['images_needed']:.0f} labels for the mean AUC that "
        f"{instead} had with {best['labelled']} ({best['random_auc']:.3f}): {least}"
        f"{100 * best['saved']:.0f} % fewer, read off the mean curves{_of_saving(best)}.",
    )


def _of_saving(best: pd.Series) -> str:
    low, high = best["saved_low"], best["saved_high"]
    if math.isnan(low):
        return " (no interval from one seed)"
    if math.isinf(low):
        return f", in {100 * best['not_reached']:.0f} % of the resamples never reached"
    text = f" (95 % interval {100 * low:.0f} to {100 * high:.0f} %, over resampled trials)"
    return text.replace("-", MINUS)


def _starts(correlation: pd.DataFrame) -> Iterator[Sentence]:
    for row in correlation.to_dict("records"):
        lead = f"Start and end, {row['strategy']} queries:"
        ends = f"AUC with {row['labelled_first']} and with {row['labelled_last']} labels"
        if math.isnan(row["r"]):
            yield lead, f"{ends} cannot be correlated: {row['reason']}."
            continue
        r = f"{row['r']:.2f}".replace("-", MINUS)
        p = f"p = {row['p']:.3f}" if row["p"] >= 0.001 else "p < .001"
        interval = (
            ""
            if math.isnan(row["low"])
            else (f", 95 % interval {row['low']:.2f} to {row['high']:.2f}".replace("-", MINUS))
        )
        yield (
            lead,
            f"{ends} correlate with Pearson's r = {r} ({p}{interval}, {row['n']} trials).",
        )
