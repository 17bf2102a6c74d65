"""The log of answers: what a person says of an image, one JSON object a line, never rewritten.

Every answer is on the disk before `append` returns. What stands is computed from the log: of each
annotator the last answer about an image; where annotators differ, nothing stands, and it is listed
as a conflict. Several processes may append and read at once.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rayal.labeling.answers import (
    NO_ANSWER,
    NOT_USABLE,
    Answer,
    Label,
    answer_on_line,
    as_line,
    is_answer,
)
from rayal.labeling.class_names import ClassSet
from rayal.labeling.errors import LabelingError
from rayal.storage import atomic, plain_files
from rayal.storage.appending import end_of_lines, replace_from, sync_folder

LARGEST_LOG = 4 << 30  # bytes; some 20 million answers


class LabelLogError(LabelingError):
    """The log cannot be read as one; the message names the line."""


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
        lines = "".join(map(as_line, dated))
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
            end = end_of_lines(self.path)
            rest = plain_files.read(self.path, LARGEST_LOG, end)
            if is_answer(rest):
                end, content = end + len(rest), b"\n" + content
            replace_from(file.fileno(), end, content)
        if not end:
            sync_folder(self.path.parent)

    def _read_more(self) -> None:
        """Read the whole lines that were added since."""
        content = self._read_from(self._read_until - len(self._last_line))
        if not content.startswith(self._last_line):  # put back from a copy: nothing is known
            self._read_until, self._last_line, self._answers = 0, b"", []
            self._computed = {}
            content = self._read_from(0)
        added = content[len(self._last_line) :]
        end = added.rfind(b"\n") + 1
        complete = added if is_answer(added[end:]) else added[:end]
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
            return answer_on_line(line)
        except NO_ANSWER as error:
            raise LabelLogError(
                f"line {len(self._answers) + number} of {self.path} is no answer ({error}): "
                "something else changed the file; put it back from a copy, or remove that line"
            ) from error


def _meanings(by: Mapping[str, Answer]) -> set[Label]:
    return {meaning for answer in by.values() if (meaning := answer.stands_for) is not None}
