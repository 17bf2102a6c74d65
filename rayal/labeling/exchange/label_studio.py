"""Label Studio: tasks and a labeling configuration out; JSON, JSON_MIN and CSV back.

Images are referred to, never uploaded: by /data/local-files/?d=PATH, PATH relative to the folder
that LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT names. With classes known the configuration has buttons;
without any it has a field to type the class into. Where an image may have several classes they are
chosen by `choice="multiple"`, "none of them" among them: an annotation without a choice says
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rayal.labeling.answers import Action
from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.json_export import begins_with, read_json
from rayal.labeling.exchange.label_studio_labels import labels_of_cell, labels_of_result
from rayal.labeling.exchange.label_studio_tasks import (
    FIELD,
    LOCAL_FILES,
    TaskData,
    configuration,
    document_root,
    import_task,
    write_tasks,
)
from rayal.labeling.exchange.tool import Import, Returned, Sheet, tool
from rayal.labeling.spreadsheet import column_names, returned_rows
from rayal.storage.atomic import write_bytes

# Of a row in the formats JSON_MIN and CSV: what a task was given, and what the tool adds.
_FLAT = TaskData.__annotations__.keys() | {
    "id", "annotation_id", "annotator", "lead_time", "created_at", "updated_at", "annotators",
    "predictions", "agreement",
}  # fmt: skip
_OF_A_TASK = frozenset({"data", "annotations", "annotation_id", "image", "path", "rayal_id"})
_SHOWN = 5  # names in a message
_READ = frozenset({"choices", "textarea"})  # kinds of results
_SUFFIXES = frozenset({".json", ".csv", ".json-min"})


@tool("label-studio")
class LabelStudio:
    """Tasks out, annotations back."""

    def write(self, sheet: Sheet) -> str:
        if any(entry.file is None for entry in sheet.entries):
            return ""
        root = document_root(sheet)
        tasks = [import_task(sheet, root, entry) for entry in sheet.entries]
        write_tasks(sheet.root / "label-studio.json", tasks)
        write_bytes(sheet.root / "label-studio.xml", configuration(sheet).encode())
        return (
            "Label Studio: start it with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true "
            f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={root}; new project, Labeling Interface from "
            f"label-studio.xml, Cloud Storage > Local files > {sheet.images} (add it, do not "
            "sync), import label-studio.json; Data Manager: order by rank, Label Tasks As Displayed"
        )

    def recognizes(self, path: Path) -> bool:
        if not path.is_file() or path.suffix.lower() not in _SUFFIXES:
            return False
        if path.suffix.lower() == ".csv":
            return {"annotation_id", "lead_time"} <= set(column_names(path))
        return begins_with(path, b"[")

    def read(self, path: Path) -> Import:
        answers = Import("label-studio")
        rows = _rows(path)
        _check_flat(path, rows)
        _check_tasks(path, rows)
        control = _control(path, rows)
        for number, row in enumerate(rows, start=1):
            place = f"{path.name}, task {row.get('id', number)}"
            data = row.get("data", row)
            if not isinstance(data, dict):
                raise LabelingError(f"{place} has no data: export the project as JSON again")
            if data.get("rayal_project"):
                answers.projects.add(str(data["rayal_project"]))
            if "annotations" in row:
                _read_annotations(answers, _Task(place, data, _time(row)), row, control)
            elif "data" not in row:
                _read_flat(answers, _Task(place, row), row)
        return answers


@dataclass(frozen=True)
class _Task:
    """Where a task stands in a file, what it was given, and when it changed last, "" if unsaid."""

    place: str
    data: Mapping[str, Any]
    changed_at: str = ""

    def returned(self, action: Action, label: str | None = None, **more: Any) -> Returned:
        """Return what is said of the task's image."""
        rayal_id = str(self.data.get("rayal_id") or "")
        path, at = _path(self.data), self.changed_at
        return Returned(self.place, rayal_id, path, action, label, changed_at=at, **more)


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix.lower() == ".csv":
        return [row for _, row in returned_rows(path)]
    rows = read_json(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise LabelingError(f"{path} is no list of tasks; export the project as JSON or JSON_MIN")
    return rows


def _read_annotations(
    answers: Import, task: _Task, row: Mapping[str, Any], control: str | None
) -> None:
    """Take all annotations of a task; one that has none is told, so that labels are withdrawn.

    control: whose results are read; None for any.
    """
    annotations = _annotations(task.place, row)
    if not annotations:
        answers.returned.append(task.returned("withdraw"))
    for annotation in annotations:
        common = _common(annotation, annotation.get("completed_by"))
        if annotation.get("was_cancelled") or annotation.get("skipped"):
            answers.returned.append(task.returned("skip", **common))
            continue
        if _is_rejected(annotation):
            answers.refused.append(
                f"{task.place}: its annotation by {common['by']} was rejected in a review: correct "
                "it, and export again"
            )
            continue
        results = _results(task.place, annotation)
        labels = [label for result in results for label in labels_of_result(result, control)]
        kinds = sorted({str(one.get("type")) for one in results if isinstance(one, dict)} - _READ)
        if kinds and not labels:
            answers.refused.append(
                f"{task.place} is annotated by {', '.join(kinds)}, of which no class is read: "
                "label by choices or text, as in label-studio.xml"
            )
            continue
        _add(answers, task, labels, common)


def _annotations(place: str, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    annotations = row["annotations"]
    if not isinstance(annotations, list) or not all(isinstance(one, dict) for one in annotations):
        raise LabelingError(f"{place}: its annotations are no list; export it again")
    return annotations


def _is_rejected(annotation: Mapping[str, Any]) -> bool:
    """Whether the last review of an annotation, as Label Studio Enterprise has, rejects it."""
    reviews = annotation.get("reviews")
    kept = [one for one in reviews if isinstance(one, dict)] if isinstance(reviews, list) else []
    return bool(kept) and max(kept, key=_time).get("accepted") is False


def _check_tasks(path: Path, rows: list[dict[str, Any]]) -> None:
    """Refuse tasks that were never in the tool: they say nothing, not that labels are gone."""
    if rows and not any(_OF_A_TASK & row.keys() for row in rows):
        raise LabelingError(
            f"{path} is a list of {', '.join(sorted(map(repr, rows[0]))[:_SHOWN]) or 'nothing'}, "
            "and no list of tasks: results in COCO's form name no images, and are predictions"
        )
    tasks = [row for row in rows if "data" in row]
    if tasks and not any("annotations" in row for row in tasks):
        raise LabelingError(
            f"{path} has tasks without annotations, as label-studio.json has them for the import: "
            "export the project that was made of them, as JSON"
        )


def _common(row: Mapping[str, Any], by: Any) -> dict[str, Any]:
    """Return who said it, when, and how long it took."""
    seconds = _seconds(row.get("lead_time"))
    return {"by": _annotator(by), "at": _time(row), "seconds": seconds}


def _time(row: Mapping[str, Any]) -> str:
    return str(row.get("updated_at") or row.get("created_at") or "")


def _control(path: Path, rows: list[dict[str, Any]]) -> str | None:
    """Return the control whose results are classes, None for the only one, whatever its name.

    Raises:
        LabelingError: there are several, or a field for text, and which has classes is not said.
    """
    results = [
        result
        for row in rows
        for annotation in (row["annotations"] if isinstance(row.get("annotations"), list) else [])
        if isinstance(annotation, dict) and isinstance(annotation.get("result"), list)
        for result in annotation["result"]
        if isinstance(result, dict) and result.get("type", "choices") in _READ
    ]
    kinds = {str(one.get("from_name", FIELD)): one.get("type", "choices") for one in results}
    if FIELD in kinds:
        return FIELD
    if len(kinds) > 1 or "textarea" in kinds.values():
        raise LabelingError(
            f"{path} has no answers by '{FIELD}', as label-studio.xml names the one of classes, "
            f"and some by {', '.join(map(repr, sorted(kinds)))}, which may be notes: rename the "
            f"one with the classes to '{FIELD}'"
        )
    return None


def _check_flat(path: Path, rows: list[dict[str, Any]]) -> None:
    """Refuse rows of annotations whose answers stand under another name, as if all were skipped."""
    annotated = [row for row in rows if "data" not in row and row.get("annotation_id")]
    names = {name for row in annotated for name in row if name}
    others = sorted(names - _FLAT)
    if annotated and FIELD not in names and others:
        raise LabelingError(
            f"{path} has no answers under '{FIELD}', as label-studio.xml names them; it has "
            f"{', '.join(map(repr, others))}: rename the one with the classes to '{FIELD}', or "
            "export as JSON, in which any name is read"
        )


def _read_flat(answers: Import, task: _Task, row: Mapping[str, Any]) -> None:
    """Take a row of JSON_MIN or CSV, which is one annotation, or a task without any."""
    common = _common(row, row.get("annotator"))
    value = row.get(FIELD)
    if value in (None, "", []):
        action: Action = "skip" if row.get("annotation_id") else "withdraw"
        answers.returned.append(task.returned(action, **common))
        return
    _add(answers, task, labels_of_cell(value), common)


def _add(answers: Import, task: _Task, labels: list[str], common: Mapping[str, Any]) -> None:
    distinct = list(dict.fromkeys(label.strip() for label in labels if label.strip()))
    if len(distinct) > 1:
        answers.returned.append(task.returned("label", classes=tuple(distinct), **common))
    elif distinct:
        answers.returned.append(task.returned("label", distinct[0], **common))
    else:
        answers.returned.append(task.returned("skip", **common))


def _results(place: str, annotation: Mapping[str, Any]) -> list[Any]:
    results = annotation.get("result", [])
    if not isinstance(results, list):
        raise LabelingError(f"{place}: the result of an annotation is no list; export it again")
    return results


def _path(data: Mapping[str, Any]) -> str:
    if data.get("path"):
        return str(data["path"])
    image = str(data.get("image") or "")
    return unquote(image.removeprefix(LOCAL_FILES)) if image.startswith(LOCAL_FILES) else image


def _annotator(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("id") or value.get("email")
    return f"label-studio:{value}" if value not in (None, "") else "label-studio"


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if 0 <= seconds < float("inf") else None
