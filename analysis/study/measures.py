"""What learners are judged by on the test set, and which of it is a study's primary measure."""

from __future__ import annotations

from collections.abc import Mapping

PRIMARY = "auc"  # of a sweep that names none
TEST_MEASURES: Mapping[str, str] = {  # in words
    "auc": "AUC",
    "mean_class_accuracy": "mean per-class accuracy",
    "accuracy": "accuracy",
}


def in_order(primary: str) -> list[str]:
    """Return the measures, the primary one first."""
    return sorted(TEST_MEASURES, key=lambda measure: measure != primary)


def table_of(name: str, measure: str) -> str:
    """Return what a table is called that is made for each measure: the AUC's has the plain name."""
    return name if measure == PRIMARY else f"{name}_{measure}"
