"""What an image with several classes changes: what measures mean, what could not be measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.page.blocks import Block, Text
from analysis.page.table import PageTable, by_query_mode, count, name_columns, number, page_table
from analysis.page.table import text as words
from analysis.sections.base import Report, Tables, non_empty, section
from analysis.study.grouping import GROUP_KEYS, groups, to_frame
from analysis.study.study import Study

ONE_SIDED, UNMEASURED = "one_sided_classes", "classes_without_positive"
COLUMNS = [
    *GROUP_KEYS, "trials", "classes", "learned", "classes_of_an_image", "left_out",
]  # fmt: skip
MEANING = (
    "Images of {datasets} may have several classes. Each class is measured for itself, on the "
    "images of which it is known, and means are over the classes: AUC, average precision, F1 at "
    "the threshold that is best on labeled images which the learner had not seen (five folds), "
    "accuracy of decisions at one half. Coverage counts classes with at least one image that has "
    "them; shares of classes are of all classes of the labeled images. What is defined for one "
    "class an image is left out for them: balanced and mean per-class accuracy, clusters against "
    "classes, and colors of classes in planes of features."
)


def tables(study: Study, _earlier: Tables) -> Tables:
    """Rows by group, of data with several classes an image."""
    return non_empty({"several_classes": several_classes(study)})


def several_classes(study: Study) -> pd.DataFrame:
    """For how many classes a head could be learned, and which the test set cannot measure.

    learned: mean number of classes with a positive and a negative label; classes_of_an_image: mean
    number that a labeled image is known to have; left_out: names of the classes without a positive
    in the test set, which average precision and F1 leave out.
    """
    if ONE_SIDED not in study.rounds:
        return to_frame([], COLUMNS)
    rounds = study.distinct_rounds
    rounds = rounds.assign(dataset_name=study.rounds.loc[rounds.index, "dataset"])
    rounds = rounds[rounds[ONE_SIDED].notna()]
    rows = (_row(study, key, group) for key, group in groups(rounds, [*GROUP_KEYS, "dataset_name"]))
    return to_frame(rows, COLUMNS)


def _row(study: Study, key: dict[str, Any], group: pd.DataFrame) -> dict[str, Any]:
    about: Any = study.run.plan["datasets"].get(key.pop("dataset_name"), {})
    C = len(group["class_counts"].iloc[0])
    classes = about.get("classes") or [str(c) for c in range(C)]
    left_out = sorted({c for own in group[UNMEASURED] for c in own})
    return {
        **key,
        "trials": len(group),
        "classes": C,
        "learned": float(C - group[ONE_SIDED].map(len).mean()),
        "classes_of_an_image": float((group["class_counts"].map(sum) / group["labelled"]).mean()),
        "left_out": "; ".join(str(classes[c]) for c in left_out),
    }


@section(
    "several-classes",
    title="Several classes",
    heading="Images with several classes",
    order=33,
    tables=tables,
)
def content(report: Report) -> Iterator[Block]:
    """What measures mean there, and one table."""
    if "several_classes" not in report.tables:
        return
    plan = report.study.run.plan["datasets"]
    several = [name for name, about in plan.items() if about.get("multilabel")]
    yield Text(MEANING.format(datasets=", ".join(several)))
    yield from by_query_mode(report.tables["several_classes"], _table)


def _table(rows: pd.DataFrame) -> PageTable:
    return page_table(
        "Classes of which labels hold both kinds, so that a head could be learned, and how many "
        "classes a labeled image has, means over trials; classes without an image in the test set "
        "are left out of average precision and F1",
        "several_classes.csv",
        rows,
        name_columns(rows, ["initial", "strategy"]),
        [
            count("labeled", "labelled"),
            count("trials", "trials"),
            count("classes", "classes"),
            number("learned", "learned", ".1f"),
            number("classes of an image", "classes_of_an_image", ".2f"),
            words("left out", "left_out", optional=True),
        ],
    )
