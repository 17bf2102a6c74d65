"""Cycles of other steps are another setting: their labels are told apart by the learner's name.

Trials that begin with other numbers of labels, or ask for other numbers at once, do not differ in
the strategy alone, and one seed has a trial of each. Under one name they would be paired with one
another, averaged where they meet at a number of labels, and joined to one curve where they do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import pandas as pd

LABELS = ["dataset_label", "encoder_label", "learner_label"]


def with_schedules_in_names(trials: pd.DataFrame) -> pd.DataFrame:
    """Add the schedule to the learner's label where cycles of a setting have several of them.

    Args:
        trials: a row a trial, with its labels, `rounds` and `schedule`.
    """
    cycles = trials[trials["rounds"] > 1]
    several = cycles.groupby(LABELS, sort=False)["schedule"].transform("nunique") > 1
    if not several.any():
        return trials
    learners, schedules = trials["learner_label"].copy(), trials["schedule"].to_dict()
    for row in several.index[several]:
        learners[row] = f"{learners[row]} [{in_words(schedules[row])}]"
    return trials.assign(learner_label=learners)


def in_words(schedule: Sequence[int]) -> str:
    """Write numbers of labels after each round as the first and its steps: "20 + 3 x 10 labels"."""
    steps = (_step(int(step), len(list(same))) for step, same in groupby(np.diff(schedule)))
    return f"{' + '.join([str(schedule[0]), *steps])} labels"


def _step(step: int, times: int) -> str:
    return str(step) if times == 1 else f"{times} x {step}"
