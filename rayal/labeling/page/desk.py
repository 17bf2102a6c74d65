"""What the labeling page shows next, and what becomes of an answer.

A desk serves any number of windows, each shown another image where there is one. An answer is on
the disk before anything else is shown. The page's word is the last one: who answers on it has seen
what others say of the image, and answers of theirs that differ are withdrawn; the log keeps them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rayal.labeling.answers import Answer
from rayal.labeling.class_names import ClassSet, names_of
from rayal.labeling.current_files import why_lost
from rayal.labeling.errors import LabelingError
from rayal.labeling.labeled import check_new_classes, known_classes
from rayal.labeling.labels import LabelLog
from rayal.labeling.page.answer import check_answer
from rayal.labeling.project import Project
from rayal.labeling.rounds import Chosen

KEYS = "123456789abcdefghijklmnopqrstuvwxyz"
RELATED, RECENT = 8, 8  # small images shown next to the large one
REMEMBERED = 200  # answers that a window can take back


class ChangedMeanwhileError(Exception):
    """Another window or command said something else of the image since it was shown."""


@dataclass(frozen=True)
class _Step:
    """An answer that can be taken back: what stood before it, and what was said after it."""

    rayal_id: str
    before: Mapping[str, Answer]
    after: Mapping[str, str]


class Desk:
    """The images of a project's rounds on their way to an answer."""

    def __init__(
        self, project: Project, log: LabelLog, by: str = "", again: Sequence[str] = ()
    ) -> None:
        """Take the newest rounds of a project.

        Args:
            project: with images and at least one round.
            log: of its answers.
            by: name of who labels, "" for nobody in particular.
            again: images that are shown first, although they have an answer.

        Raises:
            LabelingError: there is nothing to show.
        """
        if not project.has_images:
            raise LabelingError(
                f"{project.root} has features alone, and no images to show; fill in its labels.csv "
                f"and: rayal ingest {project.root} {project.root / 'labels.csv'}"
            )
        self._project, self._log, self._by = project, log, by
        self._read_rounds()
        if not self._rounds:
            raise LabelingError(
                f"nothing is chosen in {project.root}; first: "
                f"rayal select {project.root} --budget 60"
            )
        self._again = list(again)
        self._groups: dict[str, list[str]] = {}
        for image in project.pool:
            self._groups.setdefault(image.group, []).append(image.rayal_id)
        self._shown: dict[str, str] = {}  # window -> image
        self._steps: dict[str, list[_Step]] = {}  # window -> what it can take back
        self._lock = threading.RLock()

    def next(self, window: str) -> dict[str, Any]:
        """Return what a window shows next, of rounds that were chosen meanwhile too."""
        with self._lock:
            self._read_rounds()
            waiting = self._waiting()
            taken = {image for other, image in self._shown.items() if other != window}
            free = [image for image in waiting if image not in taken] or waiting
            if not free:
                self._shown.pop(window, None)
                return self._around(window) | {"image": None}
            self._shown[window] = free[0]
            return self.show(window, free[0]) | {"after": free[1] if len(free) > 1 else None}

    def show(self, window: str, rayal_id: str) -> dict[str, Any]:
        """Return one image with all that is shown around it.

        Raises:
            LabelingError: the project has no such image.
        """
        with self._lock:
            self._project.image_path(rayal_id)
            self._shown[window] = rayal_id
            number, chosen = self._rounds.get(rayal_id, (0, Chosen(0, rayal_id)))
            image = self._small(rayal_id) | {
                "round": number,
                "rank": chosen.rank,
                "of": sum(1 for own, _ in self._rounds.values() if own == number),
                "reason": chosen.reason,
                "purpose": chosen.purpose,
                "said": self._said(rayal_id),
                "checked": self._checked(rayal_id),
            }
            return self._around(window) | {
                "image": image,
                "related": [self._small(other) for other in self._related(rayal_id)],
                "after": None,
            }

    def close(self, window: str) -> None:
        """Leave the image of a window to others."""
        with self._lock:
            self._shown.pop(window, None)

    def answer(self, window: str, answer: Answer, seen: Mapping[str, str] | None) -> dict[str, Any]:
        """Write an answer to the disk, then return what the window shows next.

        Args:
            window: that it comes from.
            answer: of the page; who labels is filled in.
            seen: what the window showed as said of the image, by annotator; None does not ask.

        Raises:
            LabelingError: the project has no such image or class; a new class that looks like
                another; a label of a file that is no longer the one that was chosen.
            ChangedMeanwhileError: what is said of the image is no longer what was seen.
            OSError: it cannot be written; nothing was.
        """
        with self._lock:
            rayal_id = answer.id
            check_answer(answer, self._project.settings)
            check_new_classes(self._project, self._log, {rayal_id: answer.label})
            self._check_image(answer)
            if seen is not None and seen != self._said(rayal_id):
                raise ChangedMeanwhileError(
                    "This image got another answer meanwhile, in another window or by another "
                    "command. It is shown as it stands now; answer it again if you disagree."
                )
            number = self._rounds.get(rayal_id, (None,))[0]
            signed = replace(answer, by=self._by, source="page", round=number)
            before = self._log.standing().get(rayal_id, {})
            self._log.append(*self._overruled(signed, before), signed)
            self._again = [image for image in self._again if image != rayal_id]
            steps = self._steps.setdefault(window, [])
            steps.append(_Step(rayal_id, before, self._said(rayal_id)))
            del steps[:-REMEMBERED]
            return self.next(window)

    def undo(self, window: str) -> dict[str, Any]:
        """Take back the last answer of a window, and show its image again.

        Raises:
            LabelingError: there is nothing to take back.
            ChangedMeanwhileError: the image got another answer since.
            OSError: it cannot be written; the answer stands.
        """
        with self._lock:
            steps = self._steps.get(window, [])
            if not steps:
                raise LabelingError("There is no answer of this window to take back.")
            step = steps[-1]
            if self._said(step.rayal_id) != step.after:
                steps.pop()
                raise ChangedMeanwhileError(
                    "The image got another answer since, in another window or by another command: "
                    "nothing was taken back."
                )
            gone = Answer(step.rayal_id, action="withdraw", by=self._by, source="page")
            again = [replace(answer, at="") for answer in step.before.values()]
            self._log.append(gone, *again)
            steps.pop()
            return self.show(window, step.rayal_id)

    def _check_image(self, answer: Answer) -> None:
        """Refuse images that are none, and labels of files that went or changed."""
        self._project.image_path(answer.id)
        lost = why_lost(self._project, self._project.pool.position[answer.id])
        if lost and answer.action == "label":
            raise LabelingError(
                f"The file {lost}: a label would be of another image. Skip it, or say that it is "
                "not usable; `rayal select` chooses another."
            )

    def _overruled(self, signed: Answer, before: Mapping[str, Answer]) -> list[Answer]:
        """Return what withdraws the answers of others that differ from a given one."""
        if signed.action == "skip":
            return []
        return [
            Answer(signed.id, action="withdraw", by=other, source="page")
            for other, answer in before.items()
            if other != self._by and answer.stands_for != signed.stands_for
        ]

    def _read_rounds(self) -> None:
        rounds = self._project.rounds
        self._rounds = {c.rayal_id: (round_.number, c) for round_ in rounds for c in round_.chosen}

    def _waiting(self) -> list[str]:
        """Return the chosen images without an answer: those skipped last, then disagreements."""
        answered, skipped = self._log.standing(), self._log.skipped()
        passed = set(skipped)
        fresh = [i for i in self._rounds if i not in answered and i not in passed]
        rest = [*fresh, *(i for i in skipped if i in self._rounds), *self._disagreements()]
        return [*self._again, *(image for image in rest if image not in self._again)]

    def _disagreements(self) -> list[str]:
        return [i for i in self._log.conflicts() if i in self._project.pool.position]

    def _around(self, window: str) -> dict[str, Any]:
        """Return what is shown whatever the image is."""
        return {
            "multilabel": self._project.settings.multilabel,
            "classes": self._classes(),
            "progress": self._progress(),
            "recent": [self._small(image) for image in self._recent()],
            "can_undo": bool(self._steps.get(window)),
        }

    def _classes(self) -> list[dict[str, Any]]:
        counts: dict[str, int] = {}
        for label in self._log.labels().values():
            for name in names_of(label):
                counts[name] = counts.get(name, 0) + 1
        names = known_classes(self._project, self._log)
        keys = [*KEYS, *[""] * len(names)]
        return [
            {"name": name, "key": key, "count": counts.get(name, 0)}
            for name, key in zip(names, keys, strict=False)
        ]

    def _progress(self) -> dict[str, int]:
        current, conflicts = self._log.current(), self._log.conflicts()
        labels = self._log.labels()
        return {
            "total": len(self._rounds),
            "answered": sum(1 for image in self._rounds if image in current),
            "not_usable": sum(1 for image in self._rounds if image in current.keys() - labels),
            "skipped": sum(1 for image in self._log.skipped() if image in self._rounds),
            "conflicts": len(conflicts),
            "labels": len(labels),
        }

    def _recent(self) -> list[str]:
        """Return the images answered last that still have an answer, the last one first."""
        answered = self._log.standing()
        recent: dict[str, None] = {}
        for answer in reversed(self._log.all()):
            if len(recent) == RECENT:
                break
            if answer.id in answered and answer.id in self._project.pool.position:
                recent[answer.id] = None
        return list(recent)

    def _related(self, rayal_id: str) -> list[str]:
        group = self._group(rayal_id)
        members = self._groups[group] if group else []
        return [image for image in members if image != rayal_id][:RELATED]

    def _group(self, rayal_id: str) -> str:
        pool = self._project.pool
        return pool[pool.position[rayal_id]].group

    def _small(self, rayal_id: str) -> dict[str, Any]:
        pool = self._project.pool
        group = self._group(rayal_id)
        return {
            "id": rayal_id,
            "name": pool[pool.position[rayal_id]].path,
            "group": group,
            "group_size": len(self._groups[group]) if group else 0,
            "stands": str(self._log.current().get(rayal_id, "")),
        }

    def _said(self, rayal_id: str) -> dict[str, str]:
        """Return what each annotator says of an image."""
        by = self._log.standing().get(rayal_id, {})
        return {who: str(answer.stands_for) for who, answer in by.items()}

    def _checked(self, rayal_id: str) -> list[str]:
        """Return the classes that are checked from the start: one's own, else what all say."""
        own = self._log.standing().get(rayal_id, {}).get(self._by)
        stands = self._log.current().get(rayal_id) if own is None else own.stands_for
        return list(stands.names) if isinstance(stands, ClassSet) else []
