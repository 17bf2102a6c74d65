"""What the rounds of a record say, held against one another, the trial's schedule and true labels.

A record that was edited, cut and pasted or half restored is JSON like any other. What it says is
checked as far as it can be: rounds in order, as many labels as the schedule has, each image chosen
once, shares between 0 and 1, and classes counted as the chosen images have them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.label_arrays import count_by_class, has_label, is_multilabel, without_labels
from rayal.storage.round_keys import LISTS, LISTS_OF_SEVERAL, METRICS, SOMETIMES

NUMBERS = (*METRICS, *SOMETIMES)
SHARES = (
    "auc", "accuracy", "balanced_accuracy", "mean_class_accuracy", "pool_error", "coverage",
    "mean_average_precision", "f1",
)  # fmt: skip
INDICES = (*LISTS, *(name for name in LISTS_OF_SEVERAL if name != "thresholds"))  # from 0
DEFINED = ("accuracy", "mean_class_accuracy", "coverage", "class_entropy")  # whatever was measured
_ROUNDING = 1e-6

Row = Mapping[str, Any]


def misfit_of_rounds(rounds: Sequence[Any], schedule: Sequence[int] | None) -> str:
    """Say what is wrong with a record's rounds by themselves; "" where nothing is.

    Args:
        rounds: as JSON has them; measures that an older version did not take are absent.
        schedule: labels in all after each round; None where it is not known.
    """
    before = 0
    for number, row in enumerate(rounds):
        if wrong := _misfit_of_row(row, number):
            return f"round {number}: {wrong}"
        if schedule is not None and number < len(schedule):
            planned = {"labelled": schedule[number], "budget": schedule[number] - before}
            before = schedule[number]
            if wrong := _misfit_of_size(row, planned):
                return f"round {number}: {wrong}"
    return ""


def _misfit_of_row(row: Any, number: int) -> str:
    if not isinstance(row, dict):
        return "it is no mapping"
    if "round" not in row or not _is_whole(row["round"]) or row["round"] != number:
        return f"it is numbered {row.get('round')!r}"
    for name in NUMBERS:
        value = row.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            return f"{name} is no number"
        if name in SHARES and value is not None and not _is_share(value):
            return f"{name} is {value:.6g}, outside 0 to 1"
    return _misfit_of_lists(row)


def _misfit_of_lists(row: Row) -> str:
    for name in INDICES:
        values = row.get(name, [])
        if not isinstance(values, list) or not all(map(_is_whole, values)):
            return f"{name} is no list of whole numbers from 0"
    texts = row.get("warnings", [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return "warnings are no list of texts"
    return ""


def _misfit_of_size(row: Row, planned: Mapping[str, int]) -> str:
    for name, count in planned.items():
        if name in row and row[name] != count:
            return f"{name} is {row[name]!r}, and its trial has {count}"
    return ""


def contradiction(rounds: Sequence[Row], labels: npt.NDArray[np.int64] | None) -> str:
    """Say where measures are missing, or choices are none, or not of the classes that are counted.

    Args:
        rounds: that fit together.
        labels: the true ones of the pool, (N,) or (N, C), where they are known.
    """
    for number, row in enumerate(rounds):
        undefined = [n for n in DEFINED if n in row and not _is_finite(row[n])]
        endless = [
            n for n in NUMBERS if isinstance(row.get(n), int | float) and _is_endless(row[n])
        ]
        nulls = [n for n in NUMBERS if n in row and row[n] is None]
        if wrong := [*undefined, *endless, *nulls]:
            return f"round {number}: {wrong[0]} is {row[wrong[0]]}"
    return _misfit_of_choices(rounds) or ("" if labels is None else _miscount(rounds, labels))


def _misfit_of_choices(rounds: Sequence[Row]) -> str:
    chosen = set[int]()
    for number, row in enumerate(rounds):
        selected = row.get("selected", [])
        if "selected" in row and len(selected) != row.get("budget", len(selected)):
            return f"round {number}: {len(selected)} images are chosen of {row['budget']}"
        if len(set(selected)) < len(selected) or not chosen.isdisjoint(selected):
            return f"round {number}: an image is chosen twice"
        chosen.update(selected)
    return ""


def _miscount(rounds: Sequence[Row], labels: npt.NDArray[np.int64]) -> str:
    revealed = without_labels(labels)
    for number, row in enumerate(rounds):
        if "selected" not in row or "class_counts" not in row:
            return ""
        if max(row["selected"], default=0) >= len(labels):
            return f"round {number}: image {max(row['selected'])} of {len(labels)} is chosen"
        revealed[row["selected"]] = labels[row["selected"]]
        if not has_label(labels).all():
            return ""  # nobody knows what was counted
        counts = count_by_class(revealed, len(row["class_counts"])).tolist()
        if counts != row["class_counts"]:
            of = "have" if is_multilabel(labels) else "are of"
            return f"round {number}: the chosen images {of} other classes than are counted"
    return ""


def _is_whole(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_share(value: float) -> bool:
    """Whether it is from 0 to 1; what is no number is told elsewhere."""
    return not _is_finite(value) or -_ROUNDING <= value <= 1 + _ROUNDING


def _is_finite(value: Any) -> bool:
    try:
        return value is not None and math.isfinite(value)
    except OverflowError:  # an integer beyond the floats
        return False


def _is_endless(value: float) -> bool:
    return not _is_finite(value) and value == value
