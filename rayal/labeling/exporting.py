"""The labels of a project as one file: a table, or Label Studio's tasks with their annotations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayal.labeling.answers import NOT_USABLE, Answer
from rayal.labeling.class_names import NONE, ClassSet
from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.label_studio_tasks import (
    configuration,
    document_root,
    import_task,
    result_of,
    write_tasks,
)
from rayal.labeling.exchange.tool import Entry, Sheet
from rayal.labeling.labels import LabelLog
from rayal.labeling.pool import PoolImage
from rayal.labeling.project import Project
from rayal.labeling.publishing import sheet_of, shown_file
from rayal.labeling.spreadsheet import write_csv
from rayal.storage.atomic import write_bytes

COLUMNS = ("path", "label", "annotator", "group", "purpose", "at", "rayal_id")
SUFFIXES = (".csv", ".json")
Standing = Mapping[str, Mapping[str, Answer]]


@dataclass(frozen=True)
class Exported:
    """How many images and answers a file has; left_out: images that its format has no word for."""

    images: int
    answers: int
    left_out: int = 0


def export(project: Project, log: LabelLog, path: Path) -> Exported:
    """Write what stands of all labels, the last answer of each annotator about an image.

    Args:
        project: with an answer at least.
        log: its answers.
        path: that ends in .csv, for a table that `rayal ingest` reads; or in .json, for tasks with
            annotations that Label Studio imports, without the images that are not usable, and its
            labeling interface beside it, in .xml.

    Raises:
        LabelingError: there is no answer; or the file exists, lies in the project's folder, has
            another suffix, or is .json where the project has features alone.
        OSError: it cannot be written.
    """
    standing = {i: by for i, by in log.standing().items() if i in project.pool.position}
    _check(project, path, standing)
    if path.suffix.lower() == ".csv":
        rows = list(_rows(project, standing))
        write_csv(path, COLUMNS, rows)
        return Exported(len(standing), len(rows))
    return _to_label_studio(project, path, standing)


def written_to(path: Path) -> tuple[Path, ...]:
    """Return the files of an export: beside Label Studio's tasks lies the labeling interface."""
    return (path, path.with_suffix(".xml")) if path.suffix.lower() == ".json" else (path,)


def _check(project: Project, path: Path, standing: Standing) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise LabelingError(
            f"{path}: the name ends in {' or '.join(SUFFIXES)}, which says what is written: a "
            "table, or tasks with annotations for Label Studio"
        )
    for place in written_to(path):
        if place.exists():
            raise LabelingError(f"there is {place} already, and it is kept: name another file")
    if project.root.resolve() in path.resolve().parents:
        raise LabelingError(f"{path} lies among the project's own files: name a place outside")
    if not standing:
        raise LabelingError(f"no image of {project.root} has a label: rayal label {project.root}")
    if path.suffix.lower() == ".json" and not project.has_images:
        raise LabelingError(
            "Label Studio shows images, and this project has features alone: name a .csv"
        )


def _rows(project: Project, standing: Standing) -> Iterator[dict[str, Any]]:
    purposes = _purposes(project)
    for image in _in_order(project, standing):
        for by, answer in standing[image.rayal_id].items():
            yield {
                "path": image.path,
                "label": str(answer.stands_for),
                "annotator": by,
                "group": image.group,
                "purpose": purposes.get(image.rayal_id, ""),
                "at": answer.at,
                "rayal_id": image.rayal_id,
            }


def _to_label_studio(project: Project, path: Path, standing: Standing) -> Exported:
    usable = {
        rayal_id: said
        for rayal_id, by in standing.items()
        if (said := [one for one in by.values() if one.stands_for is not NOT_USABLE])
    }
    sheet = _sheet(project, _in_order(project, usable))
    root = document_root(sheet)
    tasks = [
        {
            **import_task(sheet, root, entry),
            "annotations": [_annotation(answer) for answer in usable[entry.rayal_id]],
        }
        for entry in sheet.entries
    ]
    write_tasks(path, tasks)
    write_bytes(written_to(path)[1], configuration(sheet).encode())
    answers = sum(map(len, usable.values()))
    return Exported(len(tasks), answers, len(standing) - len(usable))


def _annotation(answer: Answer) -> dict[str, Any]:
    meaning = answer.stands_for
    choices = (meaning.names or (NONE,)) if isinstance(meaning, ClassSet) else (str(meaning),)
    timed = {} if answer.seconds is None else {"lead_time": answer.seconds}
    return {"result": [result_of(answer.id, choices)], **timed}


def _sheet(project: Project, images: list[PoolImage]) -> Sheet:
    purposes = _purposes(project)
    entries = (
        Entry(
            rank, image.rayal_id, image.path, image.group, "", 0, "",
            purposes.get(image.rayal_id, ""), image.width, image.height,
            shown_file(project, image),
        )
        for rank, image in enumerate(images, 1)
    )  # fmt: skip
    return sheet_of(project, len(project.rounds), entries)


def _in_order(project: Project, ids: Iterable[str]) -> list[PoolImage]:
    """Return images in the order of the pool."""
    return [project.pool[row] for row in sorted(project.pool.position[i] for i in ids)]


def _purposes(project: Project) -> dict[str, str]:
    """Return what each image was chosen for; it has no image that no round chose."""
    return {one.rayal_id: one.purpose for round_ in project.rounds for one in round_.chosen}
