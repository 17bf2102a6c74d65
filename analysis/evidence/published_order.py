"""Whether later queries rank as published, pair by pair of neighbors in that order.

Benchmarks on the features of large pre-trained networks (Gupte et al. 2024, "Revisiting Active
Learning in the Era of Vision Foundation Models") have BAIT and DropQuery ahead of TypiClust, that
ahead of margin sampling, and k-center (Coreset) below random selection.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.evidence.cells import KEYS, LATER, LEVEL, MEASURES, class_counts, rounds_of
from analysis.statistics import intervals, paired_tests
from analysis.statistics.choices import paired_by_choice
from analysis.study.grouping import groups
from analysis.study.stopped import of_stopped
from analysis.study.study import Study

PAIRS = (  # ahead as published, behind
    ("bait", "typiclust"),
    ("dropquery", "typiclust"),
    ("typiclust", "margin"),
    ("random", "k_center"),
)
STAGES = (  # labels a class, from and below, and what they are called
    (0.0, 4.0, "fewer than four labels a class"),
    (4.0, 8.0, "four to eight labels a class"),
    (8.0, math.inf, "eight labels a class and more"),
)
COLUMNS = (*KEYS, "per_class", "measure", "ahead", "behind", "pairs", "lead", "low", "high", "p",
           "holm", "found")  # fmt: skip


def published_order(study: Study) -> pd.DataFrame:
    """Return a row for each later cell, measure and pair of strategies that both have trials.

    A strategy that was stopped in a cell is none of it there: what is left of it is biased.

    lead, low, high: mean difference ahead - behind over shared seeds in points (hundredths), with
    its 95 % interval; p, holm: Student's, and over all rows of the measure. found: "as published"
    or "reversed" where Holm's p is below LEVEL, else "open".
    """
    rounds = study.labeled_rounds  # names as they are: not merged
    rounds = rounds[~of_stopped(rounds, study.stopped)]
    later = rounds_of(study, rounds, LATER)
    classes = class_counts(study)
    rows = [
        {**key, "per_class": key["labelled"] / classes[key["dataset"]], **row}
        for key, group in groups(later, KEYS)
        for row in _pairs(group)
    ]
    frame = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in ("holm", "found")])
    frame["holm"] = math.nan
    for _, part in frame.groupby("measure", sort=False):
        frame.loc[part.index, "holm"] = paired_tests.holm(part["p"])
    sure = frame["holm"] < LEVEL
    met, reversed_ = sure & (frame["lead"] > 0), sure & (frame["lead"] < 0)
    frame["found"] = np.select([met, reversed_], ["as published", "reversed"], "open")
    return frame[list(COLUMNS)]


def _pairs(group: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the pairs of one cell; of several variants of a strategy the first one counts."""
    names = group["strategy"].str.split().str[0]
    for ahead, behind in PAIRS:
        sides = [_first_variant(group[names == name]) for name in (ahead, behind)]
        both = sides[0].merge(sides[1], on="seed", suffixes=("", "_behind"))
        if len(both) < 2:
            continue
        for measure in MEASURES:
            difference = both[measure] - both[f"{measure}_behind"]
            tested = paired_by_choice(difference, both["choice"], both["choice_behind"])
            found = intervals.paired_difference(tested, np.zeros(len(tested)))
            yield {
                "measure": measure,
                "ahead": ahead,
                "behind": behind,
                "pairs": len(both),
                "lead": 100 * found.mean,
                "low": 100 * found.low,
                "high": 100 * found.high,
                "p": paired_tests.student_p(tested),
            }


def _first_variant(own: pd.DataFrame) -> pd.DataFrame:
    return own[own["strategy"] == own["strategy"].iloc[0]] if len(own) else own
