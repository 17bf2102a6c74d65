"""An answer as the page sends it, and whether it is one of its project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from rayal.labeling.answers import Action, Answer
from rayal.labeling.class_names import (
    ClassSet,
    check_known,
    class_name,
    class_set,
    means_not_usable,
)
from rayal.labeling.errors import LabelingError
from rayal.labeling.settings import Settings


def read_answer(fields: Mapping[str, Any]) -> Answer:
    """Return the answer that a page sent.

    Raises:
        ValueError: it is none.
    """
    label, seconds, names = (fields.get(key) for key in ("label", "seconds", "classes"))
    if seconds is not None and not isinstance(seconds, int | float):
        raise ValueError(f"seconds is a number, and is {seconds!r}")
    if names is not None and not isinstance(names, list):
        raise ValueError(f"classes are a list of names, and are {names!r}")
    return Answer(
        str(fields.get("id", "")),
        None if label is None else class_name(label),
        action=cast(Action, fields.get("action", "")),
        source="page",
        seconds=None if seconds is None else round(float(seconds), 3),
        classes=None if names is None else class_set(names).names,
    )


def check_answer(answer: Answer, settings: Settings) -> None:
    """Refuse an answer of a page that was opened on a project of the other kind.

    Raises:
        LabelingError: it names one class where there may be several, or the other way round; it
            names a class that the project does not have, or says "not usable" as if it were one.
    """
    if answer.action != "label":
        return
    if answer.label is not None and means_not_usable(answer.label):
        raise LabelingError("Say that the image is not usable by the key - or its button.")
    if settings.multilabel != (answer.classes is not None):
        has = "several classes" if settings.multilabel else "one class"
        raise LabelingError(f"An image of this project has {has}: reload the page.")
    if answer.classes is not None:
        check_known(ClassSet(answer.classes), settings.classes)
