"""What learners are judged by on the test set, and which of it is a study's primary measure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PRIMARY = "auc"  # of a sweep that names none
TEST_MEASURES: Mapping[str, str] = {  # in words
    "auc": "AUC",
    "mean_class_accuracy": "mean per-class accuracy",
    "accuracy": "accuracy",
}
OF_SEVERAL: Mapping[str, str] = {  # of data with several classes an image alone
    "mean_average_precision": "mean average precision",
    "f1": "F1",
}
IN_WORDS: Mapping[str, str] = {**TEST_MEASURES, **OF_SEVERAL}


def mean_of(words: str) -> str:
    """Write the mean of a measure that is called so: "mean AUC", and not "mean mean precision"."""
    return words if words.startswith("mean ") else f"mean {words}"


def bounded(value: float) -> float:
    """Cut an end of an interval of a measure's mean to 0 and 1, between which measures lie."""
    return min(max(value, 0.0), 1.0)


def in_order(primary: str, measures: Iterable[str] = TEST_MEASURES) -> list[str]:
    """Return measures, the primary one first."""
    return sorted(measures, key=lambda measure: measure != primary)


def table_of(name: str, measure: str) -> str:
    """Return what a table is called that is made for each measure: the AUC's has the plain name."""
    return name if measure == PRIMARY else f"{name}_{measure}"
