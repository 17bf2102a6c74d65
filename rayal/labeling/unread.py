"""labels.csv is written anew with each round: labels in it that nobody imported are not lost."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from rayal.hints import counted
from rayal.labeling.answers import Answer
from rayal.labeling.class_names import class_name
from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.label_table import FILE as LABEL_TABLE
from rayal.labeling.exchange.tool import Returned
from rayal.labeling.ingest import read_labels
from rayal.labeling.project import Project

_Said = Mapping[tuple[str, str], Sequence[Answer]]  # of an image, by an annotator


def check_nothing_unread(project: Project) -> None:
    """Refuse to make labels.csv again where it was filled in, or corrected, and not read.

    Raises:
        LabelingError: it holds labels that the log does not.
    """
    path = project.root / LABEL_TABLE
    if not path.is_file():
        return
    content = read_labels(project, path)
    said, ids = _said(project), dict(zip(project.pool.paths, project.pool.ids, strict=True))
    filled = [returned for returned in content.returned if returned.action != "withdraw"]
    unread = [one for one in filled if not _was_read(project, said, ids, one)]
    if count := len(unread) + len(content.refused):
        raise LabelingError(
            f"{path} would be written anew, and has {counted(count, 'label')} that "
            f"{'were' if count != 1 else 'was'} not imported: rayal ingest {project.root} "
            f"{path}, and correct the lines that it does not take; or delete the file"
        )


def _said(project: Project) -> _Said:
    said: dict[tuple[str, str], list[Answer]] = {}
    for answer in project.labels.all():
        said.setdefault((answer.id, answer.by), []).append(answer)
    return said


def _was_read(project: Project, said: _Said, ids: Mapping[str, str], returned: Returned) -> bool:
    """Whether a row is what its image has, or what the last table said that was imported.

    What was corrected elsewhere since, as on the page, leaves an earlier label in the table.
    """
    rayal_id = returned.rayal_id or ids.get(returned.path, "")
    own = said.get((rayal_id, returned.by), ())
    imported = [answer for answer in own if answer.source == "csv"]
    known = [*(imported[-1:] or own), *project.labels.standing().get(rayal_id, {}).values()]
    return _meaning(returned) in [(one.action, one.label, one.classes) for one in known]


def _meaning(returned: Returned) -> Hashable:
    try:
        label = None if returned.label is None else class_name(returned.label)
    except ValueError:
        label = returned.label  # which no answer has
    return returned.action, label, returned.classes
