"""Who leads at each number of labels, by each measure: whether the measures agree.

A leader by AUC may label few classes well and have a low accuracy; one measure alone would praise
it. The leader by the primary measure is held here against the leader by every other, and against
random. (In the columns' names `auc_leader` is the leader by the primary measure, whichever it is.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.page.blocks import Block
from analysis.page.table import (
    PageTable,
    by_query_mode,
    count,
    name_columns,
    number,
    page_table,
    text,
)
from analysis.sections.base import Report, Tables, section
from analysis.sections.pairs import KEYS, Cell, random_of, selections, tests_of_pairs
from analysis.statistics.intervals import are_equal
from analysis.statistics.paired_tests import ALPHA
from analysis.study.grouping import groups, to_frame
from analysis.study.measures import IN_WORDS
from analysis.study.study import Study

MEASURES = {**IN_WORDS, "coverage": "class coverage"}
POINT = 0.01  # a measure lower than random's by as much counts against a leader
COLUMNS = [
    *KEYS, "measure", "leader", "mean", "as_high", "not_told_apart", "unbeaten", "auc_leader",
    "auc_leader_mean", "behind_leader", "shown_behind", "against_random", "agrees",
]  # fmt: skip


def tables(study: Study, _earlier: Tables) -> Tables:
    """The leader by each measure at each number of labels."""
    return {"leaders": leaders(study)}


def leaders(study: Study) -> pd.DataFrame:
    """Who leads by each measure, who is not told apart, and how the primary leader does by it.

    `as_high`: others with the same mean, to what rounding leaves of it. `not_told_apart`: those
    that Student's paired test over choices, with Holm's correction over
    all pairs of the group, does not show to be behind the leader (for random, where it has many
    more choices, Welch's test over all of them with Bonferroni's correction). Where seeds are
    missing, the highest mean may be of easier seeds, and another be ahead on those that both have.
    `unbeaten`: the leader and those that no other is shown to be ahead of; beside a leader that
    made one choice, which no test can judge, all others are not told apart from it.
    `behind_leader`: the mean of the primary leader less that of the measure's; `shown_behind`:
    whether it is shown. `agrees`: the primary leader is not shown to be behind, and is not a point
    below random.
    Strategies that read true labels do not compete.
    """
    rows = (
        row
        for key, part in groups(selections(study), KEYS)
        for row in _rows(part, key, study.baseline, study.measure)
    )
    return to_frame(rows, COLUMNS)


@section("leaders", title="Leaders", heading="Who leads, by each measure", order=65, tables=tables)
def content(report: Report) -> Iterator[Block]:
    """The leaders, where there is more than one selection."""
    by_measure = report.tables["leaders"]
    if report.study.rounds["strategy_label"].nunique() > 1 and len(by_measure):
        words = IN_WORDS[report.study.measure]
        yield from by_query_mode(by_measure, partial(_table, words))


def _rows(
    part: pd.DataFrame, key: dict[str, Any], baseline: str, primary: str
) -> Iterator[dict[str, Any]]:
    names = list(dict.fromkeys(part["selection"]))
    random = random_of(part, baseline)
    auc_leader = _leader(part, primary)
    if auc_leader is None:
        return
    for measure in (measure for measure in MEASURES if measure in part):
        leader = _leader(part, measure)
        if leader is None:
            continue
        means = part.groupby("selection", sort=False)[measure].mean()
        difference, p = tests_of_pairs(Cell.of(part, names, baseline, measure))
        at, auc_at = names.index(leader), names.index(auc_leader)
        not_told_apart, unbeaten = _not_behind(names, at, difference, p)
        behind = bool(p[auc_at, at] < ALPHA and difference[auc_at, at] < 0)
        above_random = means[auc_leader] - means[random] if random else np.nan
        yield {
            **key,
            "measure": measure,
            "leader": leader,
            "mean": means[leader],
            "as_high": tuple(name for name in _highest(means) if name != leader),
            "not_told_apart": not_told_apart,
            "unbeaten": unbeaten,
            "auc_leader": auc_leader,
            "auc_leader_mean": means[auc_leader],
            "behind_leader": means[auc_leader] - means[leader],
            "shown_behind": behind,
            "against_random": above_random,
            "agrees": not (behind or above_random <= -POINT),
        }


def _not_behind(
    names: Sequence[str],
    leader: int,
    difference: npt.NDArray[np.float64],
    p: npt.NDArray[np.float64],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return who is not shown to be behind the leader, and who is not behind anyone.

    difference, p (K, K): of each of the names to each other.
    """
    is_behind = (p[leader] < ALPHA) & (difference[leader] > 0)
    is_beaten = np.any((p < ALPHA) & (difference < 0), axis=1)
    apart = (name for k, name in enumerate(names) if k != leader and not is_behind[k])
    unbeaten = (name for k, name in enumerate(names) if k == leader or not is_beaten[k])
    return tuple(apart), tuple(unbeaten)


def _leader(part: pd.DataFrame, measure: str) -> str | None:
    """The first selection with the highest mean of a measure; None where it was not measured."""
    names = _highest(part.groupby("selection", sort=False)[measure].mean())
    return names[0] if names else None


def _highest(means: pd.Series[float]) -> list[str]:
    """Name the selections whose mean is the highest; equal ones differ in the last places."""
    return list(map(str, means.index[are_equal(means, means.max())]))


def _table(words: str, by_measure: pd.DataFrame) -> PageTable:
    rows = by_measure.assign(
        measure=by_measure["measure"].map(MEASURES),
        agrees=by_measure["agrees"].map({True: "", False: "no"}),
    )
    return page_table(
        f"The highest mean by each measure, and beside it the leader by {words}; a measure does "
        "not agree if that leader is significantly behind by it, or a point or more below random",
        "leaders.csv",
        rows,
        name_columns(rows, []),
        [
            count("labeled", "labelled"),
            text("measure", "measure"),
            text("leader", "leader"),
            number("mean", "mean", ".3f"),
            text(f"leader by {words}", "auc_leader"),
            number("its mean", "auc_leader_mean", ".3f"),
            number("against random", "against_random", "+.3f"),
            text("agrees", "agrees", optional=True),
        ],
    )
