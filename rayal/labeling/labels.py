"""The log of answers: what a person says of an image, one JSON object a line, never rewritten.

Every answer is on the disk before `append` returns. What stands is computed from the log: of each
annotator the last answer about an image; where annotators differ, nothing stands, and it is listed
as a conflict. Several processes may append and read at once.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from rayal.labeling.class_names import (
    NOT_USABLE_NAME,
    ClassSet,
    class_name,
    class_set,
    means_not_usable,
)
from rayal.labeling.errors import LabelingError
from rayal.storage import atomic, plain_files

Action: TypeAlias = Literal["label", "withdraw", "not_usable", "skip"]
Source: TypeAlias = Literal["page", "label-studio", "cvat", "coco", "csv", "folders", "python"]
_NO_ANSWER = (ValueError, TypeError, KeyError, RecursionError)
LARGEST_LOG = 4 << 30  # bytes; some 20 million answers


class NotUsable(enum.Enum):
    """The answer that an image cannot be labeled: blurred, empty, of something else."""

    NOT_USABLE = NOT_USABLE_NAME

    def __str__(self) -> str:
        return self.value


NOT_USABLE: Final = NotUsable.NOT_USABLE
Label: TypeAlias = str | ClassSet | NotUsable  # what may stand for an image


class LabelLogError(LabelingError):
    """The log cannot be read as one; the message names the line."""


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


class LabelLog:
    """The answers of a project, in the order they were given."""

    def __init__(self, path: Path) -> None:
        """Take the log at a path, which need not exist yet.

        Args:
            path: `answers.jsonl` of a project; its lock lies next to it.
        """
        self.path = path
        self._read_until = 0  # bytes
        self._last_line = b""
        self._answers: list[Answer] = []
        self._computed: dict[str, dict[str, Any]] = {}  # of these answers, by what was asked

    def append(self, *answers: Answer) -> None:
        """Add answers; they are on the disk when this returns, or none of them is kept.

        Raises:
            OSError: they cannot be written, as on a full disk.
        """
        if not answers:
            return
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        dated = [dataclasses.replace(each, at=each.at or now) for each in answers]
        lines = "".join(f"{json.dumps(_as_line(each))}\n" for each in dated)
        with atomic.lock(self.path.with_name(f".{self.path.name}.lock")):
            self._write(lines.encode())

    def all(self) -> Sequence[Answer]:
        """Return every answer ever given, the first one first.

        Raises:
            LabelLogError: a line is damaged.
            OSError: the log cannot be read.
        """
        self._read_more()
        return tuple(self._answers)

    def history(self, rayal_id: str) -> list[Answer]:
        """Return all answers about one image, the first one first."""
        return [answer for answer in self.all() if answer.id == rayal_id]

    def standing(self) -> dict[str, dict[str, Answer]]:
        """Return what each annotator's last word is, image -> annotator -> answer.

        Skipping says nothing, and what was withdrawn is gone.
        """
        return self._once("standing", self._standing)

    def _standing(self) -> dict[str, dict[str, Answer]]:
        stands: dict[str, dict[str, Answer]] = {}
        for answer in self._answers:
            if answer.action == "withdraw":
                stands.get(answer.id, {}).pop(answer.by, None)
            elif answer.action != "skip":
                stands.setdefault(answer.id, {})[answer.by] = answer
        return {image: by for image, by in stands.items() if by}

    def current(self) -> dict[str, Label]:
        """Return what stands for each image: class or classes, or NOT_USABLE.

        Nothing where people differ.
        """
        return self._once("current", self._current)

    def _current(self) -> dict[str, Label]:
        return {
            image: next(iter(said))
            for image, by in self.standing().items()
            if len(said := _meanings(by)) == 1
        }

    def labels(self) -> dict[str, str | ClassSet]:
        """Return the class of each image that has one, or the set of its classes."""
        return {i: label for i, label in self.current().items() if label is not NOT_USABLE}

    def conflicts(self) -> dict[str, dict[str, Label]]:
        """Return the images on which annotators differ, image -> annotator -> what they say."""
        return {
            image: {who: meaning for who, answer in by.items() if (meaning := answer.stands_for)}
            for image, by in self.standing().items()
            if len(_meanings(by)) > 1
        }

    def skipped(self) -> list[str]:
        """Return the images that were skipped and have no answer, those skipped last last."""
        order: dict[str, None] = {}
        for answer in self.all():
            order.pop(answer.id, None)
            if answer.action == "skip":
                order[answer.id] = None
        answered = self.standing()
        return [image for image in order if image not in answered]

    def _once(self, what: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what is computed from the answers, once for the same ones."""
        self._read_more()
        if what not in self._computed:
            self._computed[what] = compute()
        return dict(self._computed[what])

    def _write(self, content: bytes) -> None:
        """Add bytes after the last whole line; what a killed process left of a line goes."""
        with plain_files.open_append(self.path) as file:
            end = _end_of_lines(self.path)
            rest = plain_files.read(self.path, LARGEST_LOG, end)
            if _is_answer(rest):
                end, content = end + len(rest), b"\n" + content
            try:
                os.ftruncate(file.fileno(), end)
                _write_all(file.fileno(), content)
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), end)
                raise
        if not end:
            _sync_folder(self.path.parent)

    def _read_more(self) -> None:
        """Read the whole lines that were added since."""
        content = self._read_from(self._read_until - len(self._last_line))
        if not content.startswith(self._last_line):  # put back from a copy: nothing is known
            self._read_until, self._last_line, self._answers = 0, b"", []
            self._computed = {}
            content = self._read_from(0)
        added = content[len(self._last_line) :]
        end = added.rfind(b"\n") + 1
        complete = added if _is_answer(added[end:]) else added[:end]
        lines = complete.splitlines(keepends=True)
        if lines and self._last_line[-1:] not in (b"", b"\n") and not lines[0].strip():
            del lines[0]  # it ends the line before
        self._answers += [self._parsed(line, n) for n, line in enumerate(lines, 1)]
        self._read_until += len(complete)
        if lines:
            self._computed = {}
        self._last_line = lines[-1] if lines else self._last_line

    def _read_from(self, start: int) -> bytes:
        try:
            return plain_files.read(self.path, LARGEST_LOG, start)
        except FileNotFoundError:
            return b""

    def _parsed(self, line: bytes, number: int) -> Answer:
        try:
            return _answer(line)
        except _NO_ANSWER as error:
            raise LabelLogError(
                f"line {len(self._answers) + number} of {self.path} is no answer ({error}): "
                "something else changed the file; put it back from a copy, or remove that line"
            ) from error


def _answer(line: bytes) -> Answer:
    fields: Mapping[str, Any] = json.loads(line)
    names = [field.name for field in dataclasses.fields(Answer)]
    return Answer(**{name: fields[name] for name in names if name in fields})


def _is_answer(rest: bytes) -> bool:
    """Whether what stands after the last line break is a whole answer, as editors may leave it."""
    try:
        return bool(rest) and bool(_answer(rest))
    except _NO_ANSWER:
        return False


def _as_line(answer: Answer) -> dict[str, Any]:
    """Return what is written of an answer; one class an image has no set of classes."""
    fields = dataclasses.asdict(answer)
    return {name: v for name, v in fields.items() if name != "classes" or v is not None}


def _meanings(by: Mapping[str, Answer]) -> set[Label]:
    return {meaning for answer in by.values() if (meaning := answer.stands_for) is not None}


def _check_one_of(what: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"there is no {what} {value!r}; there are {', '.join(known)}")


def _end_of_lines(path: Path) -> int:
    """Return where the last whole line of a file ends."""
    size = path.stat().st_size
    step = 1 << 16
    with path.open("rb") as file:
        for start in range(max(0, size - step), -step, -step):
            file.seek(max(0, start))
            last = file.read(step).rfind(b"\n")
            if last >= 0:
                return max(0, start) + last + 1
    return 0


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_folder(folder: Path) -> None:
    """Have a new file's name on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
