"""What a paper says of how a run was measured and tested, in sentences to copy."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.statistics.choices import MANY_TIMES
from analysis.study.grouping import CYCLES, query_modes
from analysis.study.measures import IN_WORDS, in_order
from analysis.study.stopped import SPARED
from analysis.study.study import Study
from analysis.study.wording import enumerated, spanned

INTERVALS = (
    "Values are means over seeds with 95 % intervals: Student's for fewer than 10 seeds, "
    "expanded percentile bootstrap (Hesterberg 2015) from there on. Seeds for which a strategy "
    "chose the same images count as one in intervals and tests."
)
TESTS = (
    "At each number of labels, every two strategies were compared on the seeds that they share, by "
    "Student's paired t-test (two-sided, level .05) with Holm's correction over all pairs; with "
    f"random selection, where it made at least {MANY_TIMES} times as many choices, by Welch's "
    "t-test over all of them with Bonferroni's correction."
)
SCOPE = (
    "All seeds use the same pool and test set: intervals and tests are about the choice of images "
    "and the training, and not about other data."
)


def methods(study: Study, summary: pd.DataFrame) -> str:
    """Return the sentences; summary: the rows of the table of this name that were measured."""
    return " ".join(
        [*_design(summary), _measures(study), INTERVALS, TESTS, *_stopped(summary), SCOPE]
    )


def _design(summary: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence for single queries, and one for cycles."""
    modes = query_modes(summary)
    for mode in modes.unique():
        rows = summary[modes == mode]
        how = "in rounds, up to" if mode == CYCLES else "at once:"
        budgets = [f"{count:,}" for count in sorted(rows["labelled"].unique())]
        seeds = spanned(map(int, rows["done"]))
        asked = budgets[-1] if mode == CYCLES else enumerated(budgets)
        yield (
            f"Images were chosen {how} {asked} of {enumerated(rows['dataset'].unique())}, by "
            f"{enumerated(rows['strategy'].unique())}, with {seeds} seeds each; "
            f"{enumerated(rows['learner'].unique())} learned from the labels, on features of "
            f"{enumerated(rows['encoder'].unique())}."
        )


def _measures(study: Study) -> str:
    words = [IN_WORDS[measure] for measure in in_order(study.measure, study.measures)]
    return f"Measured was {enumerated(words)} on the test set."


def _stopped(summary: pd.DataFrame) -> Iterator[str]:
    if SPARED in summary and (summary[SPARED] > 0).any():
        yield (
            "Strategies that clearly lost to random selection in pairs of the same seed were "
            "stopped early, at a level that holds for all strategies together, however often is "
            "looked (section Stopped); their means are over fewer seeds, and not compared."
        )
