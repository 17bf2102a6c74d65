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


def in_order(primary: str, measures: Iterable[str] = TEST_MEASURES) -> list[str]:
    """Return measures, the primary one first."""
    return sorted(measures, key=lambda measure: measure != primary)


def table_of(name: str, measure: str) -> str:
    """Return what a table is called that is made for each measure: the AUC's has the plain name."""
    return name if measure == PRIMARY else f"{name}_{measure}"
