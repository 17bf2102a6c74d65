"""What a person says of an image: one answer, as it is meant and as a line of the log."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from rayal.labeling.class_names import (
    NOT_USABLE_NAME,
    ClassSet,
    class_name,
    class_set,
    means_not_usable,
)

Action: TypeAlias = Literal["label", "withdraw", "not_usable", "skip"]
Source: TypeAlias = Literal["page", "label-studio", "cvat", "coco", "csv", "folders", "python"]
NO_ANSWER = (ValueError, TypeError, KeyError, RecursionError)  # of a line that holds none


class NotUsable(enum.Enum):
    """The answer that an image cannot be labeled: blurred, empty, of something else."""

    NOT_USABLE = NOT_USABLE_NAME

    def __str__(self) -> str:
        return self.value


NOT_USABLE: Final = NotUsable.NOT_USABLE
Label: TypeAlias = str | ClassSet | NotUsable  # what may stand for an image


@dataclass(frozen=True)
class Answer:
    """One answer about one image.

    id: the image's rayal_id. For the action `label` alone, label: the class; or, where an image may
    have several, classes: all that it has, () for none of them. by: the annotator, or nothing. at:
    time in UTC, ISO 8601; filled in where it is empty. seconds: that the answer took. round: that
    the image was chosen in.

    Raises:
        ValueError: a label that is missing, empty, too long or unprintable; a label where the
            action has none; an unknown action or source; seconds that are negative or no number.
    """

    id: str
    label: str | None = None
    action: Action = "label"
    by: str = ""
    source: Source = "python"
    at: str = ""
    seconds: float | None = None
    round: int | None = None
    classes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_one_of("action", self.action, get_args(Action))
        _check_one_of("source", self.source, get_args(Source))
        if not (isinstance(self.id, str) and self.id):
            raise ValueError(f"an answer needs the id of an image, and has {self.id!r}")
        if not (isinstance(self.by, str) and isinstance(self.at, str)):
            raise ValueError(f"by and at are text, and are {self.by!r} and {self.at!r}")
        answer = self.label if self.classes is None else self.classes
        both = self.label is not None and self.classes is not None
        if both or (answer is not None) != (self.action == "label"):
            raise ValueError(f"the action '{self.action}' does not go with the label {answer!r}")
        if self.label is not None:
            object.__setattr__(self, "label", class_name(self.label))
        if self.classes is not None:
            object.__setattr__(self, "classes", class_set(self.classes).names)
        if self.seconds is not None and not 0 <= self.seconds < math.inf:
            raise ValueError(f"an answer takes 0 seconds or more, and this one {self.seconds!r}")

    @property
    def stands_for(self) -> Label | None:
        """What the answer says of the image, a class or several, NOT_USABLE, or nothing."""
        if self.classes is not None:
            return ClassSet(self.classes)
        return NOT_USABLE if self.action == "not_usable" else self.label


def answer_of(rayal_id: str, label: str | ClassSet, **more: Any) -> Answer:
    """Return the answer that an image has a class, or the classes of a set; more: as Answer has.

    A label that says so is the answer that the image cannot be labeled.
    """
    if isinstance(label, ClassSet):
        return Answer(rayal_id, classes=label.names, **more)
    if means_not_usable(label):
        return Answer(rayal_id, action="not_usable", **more)
    return Answer(rayal_id, label, **more)


def as_line(answer: Answer) -> str:
    """Return the line that is written of an answer; one class an image has no set of classes."""
    fields = dataclasses.asdict(answer)
    written = {name: v for name, v in fields.items() if name != "classes" or v is not None}
    return f"{json.dumps(written)}\n"


def answer_on_line(line: bytes) -> Answer:
    """Return the answer that a line of the log holds, which `as_line` or a later version wrote.

    Raises:
        NO_ANSWER: it holds none.
    """
    fields: Mapping[str, Any] = json.loads(line)
    names = [field.name for field in dataclasses.fields(Answer)]
    return Answer(**{name: fields[name] for name in names if name in fields})


def is_answer(rest: bytes) -> bool:
    """Whether what stands after the last line break is a whole answer, as editors may leave it."""
    try:
        return bool(rest) and bool(answer_on_line(rest))
    except NO_ANSWER:
        return False


def _check_one_of(what: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"there is no {what} {value!r}; there are {', '.join(known)}")
