"""Labels that come back: turned into answers, against what is known already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rayal.hints import first_of
from rayal.labeling.answers import Answer
from rayal.labeling.class_names import check_distinct, class_name
from rayal.labeling.contradictions import without_contradictions
from rayal.labeling.current_files import has_changed
from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.tool import Import, Returned, read_export
from rayal.labeling.matching import ImageFinder
from rayal.labeling.moments import is_before
from rayal.labeling.project import Project
from rayal.labeling.returned_classes import with_class_sets, with_one_class

SLACK = 60.0  # seconds: a tool may note that a task has changed a moment before its annotation
_SHOWN = 3  # other projects in a message
_OWN_FOLDERS = ("cvat", "cvat/images", "previews", "report", "rounds", "classifier")  # of a project


@dataclass
class Ingested:
    """What came of some files: how many answers of each kind, and what was not taken, and why.

    replaced: of them those in place of another answer of the same person. overruled: those not
    taken, since they were imported before and another answer was given elsewhere since.
    """

    labeled: int = 0
    known: int = 0
    not_usable: int = 0
    skipped: int = 0
    withdrawn: int = 0
    not_chosen: int = 0
    replaced: int = 0
    overruled: int = 0
    new_classes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def ingest(project: Project, files: Sequence[Path]) -> Ingested:
    """Take the labels of some exports; all files are read before the first answer is kept.

    Raises:
        LabelingError: a file cannot be read, is another project's, or names classes that look
            alike.
        OSError: the log cannot be written to.
    """
    imports = [(file, read_labels(project, file)) for file in files]
    for file, imported in imports:
        _check_project(project, file, imported)
    reader = _Reader(project)
    reader.take([imported for _, imported in imports])
    reader.check_classes()
    project.labels.append(*reader.answers)
    return reader.ingested


def read_labels(project: Project, file: Path) -> Import:
    """Return what a file says, as the project holds labels.

    Raises:
        LabelingError: it cannot be read, or cannot be of this project.
    """
    _check_foreign(project, file)
    imported = read_export(file)
    if project.settings.multilabel:
        return with_class_sets(file, imported, project.classes)
    return with_one_class(file, imported, project.classes)


def _check_foreign(project: Project, file: Path) -> None:
    """Refuse the project's own folders, which would be taken for classes."""
    place, root = file.expanduser().resolve(), project.root.resolve()
    if file.is_dir() and (place == root or any(place == root / name for name in _OWN_FOLDERS)):
        raise LabelingError(
            f"{file} is a folder that rayal wrote itself: name the one in which you sorted copies "
            "of images, FOLDER/CLASS/IMAGE"
        )


def _check_project(project: Project, file: Path, imported: Import) -> None:
    own = project.settings.project
    if others := imported.projects - {own}:
        raise LabelingError(
            f"{file} is an export of another project ({first_of(sorted(others), _SHOWN)}), and "
            f"this is {own}: nothing was taken"
        )
    with_id = [returned for returned in imported.returned if returned.rayal_id]
    if with_id and not any(returned.rayal_id in project.pool.position for returned in with_id):
        raise LabelingError(
            f"{file} names {len(with_id):,} ids of images, and none of them is in {project.root}: "
            "it belongs to other images; nothing was taken"
        )


class _Reader:
    """Turns what files say into answers, against what is known already."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.ingested = Ingested()
        self.answers: list[Answer] = []
        self._standing = project.labels.standing()
        self._skipped: dict[tuple[str, str], set[str]] = {}  # (image, annotator) -> when
        self._last: dict[tuple[str, str, str], Answer] = {}  # (image, annotator, tool) -> its word
        for answer in project.labels.all():
            self._note(answer)
        self._round = {rayal_id: made.number for made in project.rounds for rayal_id in made.ids}
        self._classes = list(project.classes)
        self._finder = ImageFinder(project)

    def take(self, imports: Sequence[Import]) -> None:
        """Take what files say, where they do not contradict themselves or one another."""
        matched = []
        for imported in imports:
            self.ingested.refused += imported.refused
            matched.append(list(self._matched(imported)))
        kept, contradictions = without_contradictions([one for said in matched for one in said])
        self.ingested.refused += contradictions
        certain = set(kept)
        for imported, said in zip(imports, matched, strict=True):
            self._take(imported, [one for one in said if one in certain])

    def _take(self, imported: Import, matched: Sequence[tuple[str, Returned]]) -> None:
        answered: dict[str, set[str]] = {}  # image -> who says what it is
        changed_at: dict[str, str] = {}
        for rayal_id, returned in matched:
            answered.setdefault(rayal_id, set())
            changed_at[rayal_id] = returned.changed_at
            if returned.is_answer:
                answered[rayal_id].add(returned.by)
        for rayal_id, returned in matched:
            if returned.action != "withdraw":
                self._answer(imported, rayal_id, returned)
            elif imported.source != "label-studio":
                self._withdraw(imported, rayal_id, answered[rayal_id])
        if imported.source == "label-studio":  # whose annotators may cancel what they said
            for rayal_id, by in answered.items():
                self._withdraw(imported, rayal_id, by, changed_at[rayal_id])

    def check_classes(self) -> None:
        """Refuse names of classes that a person would take for one.

        Raises:
            LabelingError: two look alike.
        """
        answers = [answer for by in self._standing.values() for answer in by.values()]
        names = {answer.label for answer in answers if answer.label is not None}
        check_distinct([*self.project.settings.classes, *names], "nothing was taken: ")

    def _matched(self, imported: Import) -> Iterator[tuple[str, Returned]]:
        are_bare = not any("/" in one.path.replace("\\", "/") for one in imported.returned)
        for returned in imported.returned:
            try:
                yield self._finder.find(returned, are_bare=are_bare), returned
            except ValueError as error:
                if returned.action != "withdraw":  # an image without a label is no loss
                    self.ingested.refused.append(str(error))

    def _answer(self, imported: Import, rayal_id: str, returned: Returned) -> None:
        try:
            label = class_name(returned.label) if returned.label is not None else None
        except ValueError as error:
            self.ingested.refused.append(f"{returned.place}: {error}")
            return
        earlier = self._standing.get(rayal_id, {}).get(returned.by)
        if returned.action == "skip":
            self._skip(imported, rayal_id, returned)
        elif earlier is not None and _is_no_news(earlier, imported, returned, label):
            self.ingested.known += 1
            if earlier.source == imported.source:
                self._confirm(earlier, returned.at)
        elif self._is_overruled(imported, rayal_id, returned, label):
            self.ingested.overruled += 1
        elif self._is_of_another_image(imported, rayal_id, returned):
            self.ingested.refused.append(self._changed_file(rayal_id, returned.place))
        else:
            self._keep(self._answer_of(imported, rayal_id, returned, label))

    def _changed_file(self, rayal_id: str, place: str) -> str:
        path = self.project.pool[self.project.pool.position[rayal_id]].path
        return (
            f"{place}: the file {path} has changed since it was read, and the label may be of "
            "either image: put the earlier file back, or make another project"
        )

    def _answer_of(
        self, imported: Import, rayal_id: str, returned: Returned, label: str | None
    ) -> Answer:
        return Answer(
            id=rayal_id,
            label=label,
            action=returned.action,
            by=returned.by,
            source=imported.source,
            at=returned.at,
            seconds=returned.seconds,
            round=self._round.get(rayal_id),
            classes=returned.classes,
        )

    def _skip(self, imported: Import, rayal_id: str, returned: Returned) -> None:
        """Keep that somebody skipped an image, once."""
        known = self._skipped.setdefault((rayal_id, returned.by), set())
        if returned.at in known or (known and not returned.at):
            self.ingested.known += 1
            return
        self._keep(self._answer_of(imported, rayal_id, returned, None))

    def _confirm(self, answer: Answer, at: str) -> None:
        """Note that an answer was given again later: what was said between counts no more."""
        if is_before(answer.at, at):
            again = replace(answer, at=at, seconds=None)
            self.answers.append(again)
            self._standing[answer.id][answer.by] = again
            self._note(again)

    def _is_overruled(
        self, imported: Import, rayal_id: str, returned: Returned, label: str | None
    ) -> bool:
        """Whether a file says what was imported of it before, and something else stands since.

        As where a table is filled in further after one of its labels was corrected on the page.
        """
        last = self._last.get((rayal_id, returned.by, imported.source))
        if last is None or is_before(last.at, returned.at):
            return False
        return _is_same_answer(last, returned, label)

    def _note(self, answer: Answer) -> None:
        """Note what a tool said last of an image, and when somebody skipped it."""
        key = answer.id, answer.by, answer.source
        if answer.action == "skip":
            self._skipped.setdefault((answer.id, answer.by), set()).add(answer.at)
        elif answer.action == "withdraw":
            self._last.pop(key, None)
        else:
            self._last[key] = answer

    def _is_of_another_image(self, imported: Import, rayal_id: str, returned: Returned) -> bool:
        """Whether a label may be of what now lies in the image's place; sorted copies are known."""
        if imported.source == "folders" or returned.action != "label":
            return False
        return has_changed(self.project, self.project.pool.position[rayal_id])

    def _withdraw(
        self, imported: Import, rayal_id: str, present: set[str], changed_at: str = ""
    ) -> None:
        """Withdraw what this tool said of an image before and no longer says.

        changed_at: when the tool last changed anything of the image before its export; a later
        answer is not in an older export, and stays.
        """
        if imported.source == "csv":  # an empty cell says nothing
            return
        number = self._round.get(rayal_id)
        for by, earlier in list(self._standing.get(rayal_id, {}).items()):
            is_own = earlier.source == imported.source and by not in present
            if is_own and not is_before(changed_at, earlier.at, SLACK):
                self._keep(Answer(rayal_id, None, "withdraw", by, imported.source, round=number))

    def _keep(self, answer: Answer) -> None:
        self.answers.append(answer)
        self._note(answer)
        by_annotator = self._standing.setdefault(answer.id, {})
        if answer.action == "withdraw":
            by_annotator.pop(answer.by, None)
            self.ingested.withdrawn += 1
        elif answer.action == "skip":
            self.ingested.skipped += 1
        else:
            self.ingested.replaced += answer.by in by_annotator
            by_annotator[answer.by] = answer
            self._count(answer)

    def _count(self, answer: Answer) -> None:
        """Count an answer that says what an image is, or that it is not usable."""
        self.ingested.not_chosen += answer.id not in self._round
        self.ingested.not_usable += answer.action == "not_usable"
        self.ingested.labeled += answer.action == "label"
        if answer.label is not None and answer.label not in self._classes:
            self._classes.append(answer.label)
            self.ingested.new_classes.append(answer.label)


def _is_no_news(earlier: Answer, imported: Import, returned: Returned, label: str | None) -> bool:
    """Whether a file says what stands, or what its tool said before what stands."""
    is_older = earlier.source == imported.source and is_before(returned.at, earlier.at)
    return is_older or _is_same_answer(earlier, returned, label)


def _is_same_answer(answer: Answer, returned: Returned, label: str | None) -> bool:
    """Whether a file's answer, its label read as one of the project's, is one that is kept."""
    kept = answer.action, answer.label, answer.classes
    return kept == (returned.action, label, returned.classes)
