"""Which classes the labeled images are of: how many, in which shares, how evenly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.class_heat_map import MOST_ROWS, THE_POOL, class_heat_map
from analysis.figures.curves import curve_specs
from analysis.figures.spec import PLACE, FigureSpec, of_place, subsets
from analysis.page.blocks import Block, Sentence
from analysis.page.budgets import means_by_budget
from analysis.page.table import by_query_mode
from analysis.sections.base import (
    Report,
    Setting,
    Tables,
    folded,
    non_empty,
    section,
)
from analysis.statistics import intervals
from analysis.study.grouping import (
    GROUP_KEYS,
    groups,
    in_sequence,
    query_modes,
    to_frame,
)
from analysis.study.study import Study
from analysis.study.wording import enumerated

SHARES = ["trials", "class_index", "class", "images", "share", "pool_images", "pool_share"]
COUNTED = ["dataset", "dataset_name", "encoder", "selection", "rounds", "round", "labelled"]
SELECTION = [*PLACE, "rounds", "selection", "labelled"]


def tables(study: Study, earlier: Tables) -> Tables:
    """Coverage by group, shares by class, and the entropy of the classes chosen."""
    covered, shares = coverage(earlier["summary"]), class_distribution(study)
    entropy = non_empty({"class_entropy": class_entropy(study, shares)})
    return {"coverage": covered, "class_distribution": shares, **entropy}


def coverage(summary: pd.DataFrame) -> pd.DataFrame:
    """Share of classes with a label, entropy of the chosen classes and L1 score by group."""
    measures = ["coverage", "class_entropy", "l1_score"]
    return summary[[*GROUP_KEYS, "done", *(f"{m}_{s}" for m in measures for s in ("mean", "std"))]]


def class_distribution(study: Study) -> pd.DataFrame:
    """How many of the labeled images are of each class, beside the pool's own shares.

    Averaged over seeds and learners. The first query of a cycle depends on the initial strategy
    alone, so it is counted once per seed, not once per query strategy and learner; an oracle's
    once per learner.
    """
    rows = (row for k, group in counted_selections(study) for row in _shares(study, k, group))
    return to_frame(rows, [*(key for key in COUNTED if key != "dataset_name"), *SHARES])


def counted_selections(study: Study) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield rounds that count classes by COUNTED; first queries once a seed."""
    view = study.distinct_rounds
    view = view.assign(dataset_name=study.rounds.loc[view.index, "dataset"])
    view = view[view["class_counts"].notna()]
    first = view["round"] == 0
    view["selection"] = _selection(view)
    # An oracle chooses by the learner, so it is counted for each of them.
    by = view["learner"].where(view["selection"].isin(study.oracles), "")
    once = view[first & ~view.assign(by=by).duplicated([*COUNTED, "seed", "by"])]
    view = pd.concat([once, view[~first]])
    yield from groups(view, COUNTED)


def class_entropy(study: Study, distribution: pd.DataFrame) -> pd.DataFrame:
    """Entropy of the classes chosen, over the trials of class_distribution, and of the pool."""
    columns = [*SELECTION, "class_entropy_mean", "class_entropy_std"]
    chosen = to_frame((_entropies(*counted) for counted in counted_selections(study)), columns)
    shares = distribution.drop_duplicates([*PLACE, "rounds", "class_index"])
    rows = (
        {**key, "selection": THE_POOL, "class_entropy_mean": _entropy(part["pool_share"])}
        for key, part in groups(shares, [*PLACE, "rounds"])
    )
    pools = to_frame(rows, columns)
    return chosen if pools.empty else pd.concat([chosen, pools], ignore_index=True)


def figures(study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Curves of the coverage, and a heat map of the classes."""
    yield from curve_specs(tables["summary"], "coverage", study.baseline)
    entropy = tables.get("class_entropy", to_frame([], SELECTION))
    for file, place, part in subsets(tables["class_distribution"]):
        same = of_place(entropy, part.iloc[0])
        same = same[query_modes(same) == query_modes(part).iloc[0]]
        yield FigureSpec(
            "classes",
            file,
            f"Which classes were chosen on {place}",
            "Share of each class among the labeled images, averaged over seeds; the top row is "
            "the pool itself. A row like the pool's follows it; an even row is balanced. At the "
            f"right, the mean entropy of the chosen classes, in nats.{_rows_left_out(part)}",
            f"Heat map of {part['selection'].nunique()} selections by "
            f"{part['class_index'].nunique()} classes; its numbers are in class_distribution.csv.",
            "class_distribution.csv, class_entropy.csv",
            partial(class_heat_map, part, same),
        )


def sentences(setting: Setting) -> Iterator[Sentence]:
    """Say who had a label in the most classes with the fewest labels."""
    fewest = setting.rows["labelled"].min()
    few = setting.selections_with(fewest).dropna(subset=["coverage_mean"])
    if few.empty:
        return
    who = few["strategy"].where(few["rounds"] == 1, few["initial"])
    random = few[who == setting.baseline]
    best = few.nlargest(1, "coverage_mean").iloc[0]
    equal = few[intervals.are_equal(few["coverage_mean"], best["coverage_mean"])]
    tied = list(dict.fromkeys(setting.selection_in_words(row) for _, row in equal.iterrows()))
    if len(tied) > 1:
        largest = f"{enumerated(tied)} had a label in the same, largest mean"
        text = f"with {best['labelled']} labeled images, {largest} share of the classes"
        text += f", {best['coverage_mean']:.2f}"
    else:
        text = (
            f"with {best['labelled']} labeled images, {tied[0]} had a label "
            f"in the largest mean share of the classes, {_mean_std(best)}"
        )
    if len(random) and random.index.isin(equal.index).sum() == 0:
        text += f"; {setting.baseline} in {_mean_std(random.iloc[0])}"
    yield Sentence("Class coverage:", f"{text}.")


@section(
    "coverage",
    title="Classes",
    heading="Classes of the labeled images",
    order=30,
    tables=tables,
    figures=figures,
    sentences=sentences,
)
def content(report: Report) -> Iterator[Block]:
    """Coverage, shares of classes, and balance."""
    means = report.tables["summary"]  # of which coverage.csv holds a part
    yield from report.gallery("coverage")
    show = means_by_budget("coverage", "Class coverage", 2, "coverage.csv")
    yield from by_query_mode(means, show)
    yield from report.gallery("classes")
    balance = by_query_mode(means, means_by_budget("l1_score", "L1 score", 2, "coverage.csv"))
    yield from folded("How balanced the labels are (L1 score, 0 is balanced)", balance)
    yield from report.gallery("balance")


def _selection(rows: pd.DataFrame) -> pd.Series[str]:
    """Name what chose the labels of each row: in the first round, the initial strategy alone."""
    later = in_sequence(rows["initial"], rows["strategy"])
    return rows["initial"].where(rows["round"] == 0, later)


def _shares(study: Study, keys: dict[str, Any], group: pd.DataFrame) -> Iterator[dict[str, Any]]:
    counts = np.array(group["class_counts"].to_list(), dtype=np.float64).mean(axis=0)  # (C,)
    about: Mapping[str, Any] = study.run.plan["datasets"].get(keys.pop("dataset_name"), {})
    names = about.get("classes") or [str(c) for c in range(len(counts))]
    pool = np.array(about.get("class_counts") or [np.nan] * len(counts), dtype=np.float64)
    shares, pool_shares = counts / (counts.sum() or np.nan), pool / pool.sum()
    for c, name in enumerate(names):
        chosen = {"images": counts[c], "share": shares[c]}
        of_pool = {"pool_images": pool[c], "pool_share": pool_shares[c]}
        yield {**keys, "trials": len(group), "class_index": c, "class": name, **chosen, **of_pool}


def _entropies(key: Mapping[str, Any], group: pd.DataFrame) -> dict[str, Any]:
    values = group["class_entropy"].to_numpy()
    mean, std = intervals.mean(values), intervals.std(values)
    return {**key, "class_entropy_mean": mean, "class_entropy_std": std}


def _entropy(shares: pd.Series[float]) -> float:
    p = shares.to_numpy(np.float64)
    p = p[p > 0]
    return float(-(p * np.log(p)).sum()) if len(p) else math.nan


def _rows_left_out(part: pd.DataFrame) -> str:
    most = int(part.groupby("labelled")["selection"].nunique().max())
    return f" The first {MOST_ROWS - 1} of {most} selections." if most >= MOST_ROWS else ""


def _mean_std(row: pd.Series) -> str:
    mean, std = row["coverage_mean"], row["coverage_std"]
    return f"{mean:.2f}" if math.isnan(std) else f"{mean:.2f} ± {std:.2f}"
