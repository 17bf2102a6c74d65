"""What Label Studio is given: tasks that refer to images, and the labeling interface."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from rayal.labeling.class_names import NONE, split_classes
from rayal.labeling.exchange.tool import Entry, Sheet
from rayal.storage.atomic import write_bytes

FIELD = "choice"  # name of the control, in the configuration and in results
LOCAL_FILES = "/data/local-files/?d="


class TaskData(TypedDict):
    """What a task is given of an image, and comes back with its annotations."""

    image: str
    rank: int
    rayal_id: str
    rayal_project: str
    round: int
    path: str
    group: str
    why: str


def document_root(sheet: Sheet) -> Path:
    """Return the folder above images and project, which Label Studio is told to serve."""
    files = [str(entry.file.parent) for entry in sheet.entries if entry.file is not None]
    common = Path(os.path.commonpath([str(sheet.images), *files]))
    return common.parent if common == sheet.images else common


def configuration(sheet: Sheet) -> str:
    """Return the labeling interface: a button for each class, or a field where none is known."""
    image = '<Image name="image" value="$image"/><Header value="$why" size="5"/>'
    if sheet.classes:
        buttons = "".join(f"<Choice value={quoteattr(name)}/>" for name in sheet.choices)
        kind = "multiple" if sheet.multilabel else "single"
        control = f'<Choices name="{FIELD}" toName="image" choice="{kind}">{buttons}</Choices>'
    else:
        control = (
            f'<TextArea name="{FIELD}" toName="image" maxSubmissions="1" rows="1" '
            'placeholder="class, then Enter"/>'
        )
    return f"<View>{image}{control}</View>\n"


def write_tasks(path: Path, tasks: list[dict[str, Any]]) -> None:
    """Write tasks as Label Studio imports them."""
    write_bytes(path, f"{json.dumps(tasks, indent=1, ensure_ascii=True)}\n".encode())


def result_of(rayal_id: str, choices: Sequence[str]) -> dict[str, Any]:
    """Return what an annotation or a prediction of an image holds: its choices."""
    return {
        "id": rayal_id,
        "from_name": FIELD,
        "to_name": "image",
        "type": "choices",
        "value": {"choices": list(choices)},
    }


def import_task(sheet: Sheet, root: Path, entry: Entry) -> dict[str, Any]:
    """Return the task of an image that has a file, with what the classifier takes it for.

    root: the folder that Label Studio serves, see `document_root`.
    """
    assert entry.file is not None
    address = quote(Path(os.path.relpath(entry.file, root)).as_posix())
    data = TaskData(
        image=f"{LOCAL_FILES}{address}",
        rank=entry.rank,
        rayal_id=entry.rayal_id,
        rayal_project=sheet.project,
        round=sheet.round,
        path=entry.path,
        group=entry.group,
        why=entry.reason,
    )
    task: dict[str, Any] = {"data": data}
    if choices := _predicted(sheet, entry):
        task["predictions"] = [
            {
                "model_version": f"rayal round {sheet.round}",
                "score": entry.confidence,
                "result": [result_of(entry.rayal_id, choices)],
            }
        ]
    return task


def _predicted(sheet: Sheet, entry: Entry) -> list[str]:
    """Return the choices that the classifier would make, none where it has said nothing."""
    if not sheet.multilabel or not entry.predicted:
        return [entry.predicted] if entry.predicted in sheet.classes else []
    return list(split_classes([entry.predicted]).names) or [NONE]
