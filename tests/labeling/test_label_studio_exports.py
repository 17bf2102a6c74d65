"""Exports of Label Studio: which control has the class, what was canceled, which one is older."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rayal.labeling.errors import LabelingError
from rayal.labeling.ingest import Ingested, ingest
from rayal.labeling.moments import is_before
from rayal.labeling.project import Project
from tests.labeling.images import project_of

Json = dict[str, Any]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_of(tmp_path, count=8, budget=2)


def result(text: str, control: str = "choice", kind: str = "choices") -> Json:
    value = {"choices" if kind == "choices" else "text": [text]}
    return {"type": kind, "from_name": control, "to_name": "image", "value": value}


def annotation(*results: Json, day: str = "01T10:00:00Z", by: int = 1, **more: Any) -> Json:
    at = f"2026-01-{day}"
    return {"completed_by": by, "result": list(results), "updated_at": at, "lead_time": 2, **more}


def take(project: Project, *tasks: Sequence[Json], **more: Any) -> Ingested:
    """Import an export of the first tasks with these annotations; more: of each of them."""
    own = json.loads((project.root / "label-studio.json").read_text())
    rows = [{**task, "annotations": said, **more} for task, said in zip(own, tasks, strict=False)]
    path = project.root.parent / "e.json"
    path.write_text(json.dumps(rows))
    return ingest(Project.open(project.root), [path])


def labels(project: Project) -> list[object]:
    return list(project.labels.labels().values())


def test_what_is_noted_in_another_field_is_no_class(project: Project) -> None:
    note = result("left edge blurred", "comment", "textarea")
    done = take(project, [annotation(result("cat"), note)], [annotation(note)])
    assert (labels(project), done.skipped, done.refused) == (["cat"], 1, [])


@pytest.mark.parametrize(
    "results",
    [[result("blurred", "comment", "textarea")], [result("a", "kind"), result("good", "quality")]],
)
def test_answers_by_controls_of_which_none_is_known_to_have_the_class_are_refused(
    project: Project, results: list[Json]
) -> None:
    with pytest.raises(LabelingError, match=r"has no answers by 'choice'.*rename the one"):
        take(project, [annotation(*results)])


def test_the_only_choices_may_have_any_name(project: Project) -> None:
    take(project, [annotation(result("cat", "kind"))])
    assert labels(project) == ["cat"]


@pytest.mark.parametrize("others", [[], [annotation(result("dog"), by=2)]])
def test_an_annotation_that_was_canceled_is_no_label_any_more(
    project: Project, others: list[Json]
) -> None:
    take(project, [annotation(result("cat"))])
    canceled = annotation(result("cat"), day="02T10:00:00Z", was_cancelled=True)
    done = take(project, [canceled, *others])
    assert (labels(project), done.withdrawn, done.skipped) == (["dog"] * len(others), 1, 1)


def test_what_was_skipped_is_kept_once(project: Project) -> None:
    for _ in range(3):
        take(project, [annotation(was_cancelled=True)], [annotation()])
    assert len(project.labels.all()) == 2


@pytest.mark.parametrize("other", [[], [annotation(result("dog"), by=2)]])
def test_an_older_export_withdraws_nothing(project: Project, other: list[Json]) -> None:
    new = annotation(result("cat"), day="03T10:00:00Z")
    take(project, [new, *other], updated_at="2026-01-03T09:59:59.9Z")
    done = take(project, other, updated_at="2026-01-02T10:00:00Z")
    assert (done.withdrawn, len(project.labels.standing())) == (0, 1)
    assert len(next(iter(project.labels.standing().values()))) == 1 + len(other)


def test_a_newer_export_withdraws_what_was_deleted(project: Project) -> None:
    take(project, [annotation(result("cat"))], updated_at="2026-01-01T10:00:00Z")
    assert take(project, [], updated_at="2026-01-02T10:00:00Z").withdrawn == 1
    assert labels(project) == []


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [
        ("01T10:00:00Z", "01T10:00:00.500000Z", "dog"),
        ("01T10:00:00.5Z", "01T10:00:00Z", "cat"),
        ("01T10:00:00Z", "01T11:00:00+02:00", "cat"),
        ("01T10:00:00Z", "01T10:30:00-0200", "dog"),
    ],
)
def test_the_later_answer_counts_however_its_time_is_written(
    project: Project, first: str, second: str, stands: str
) -> None:
    take(project, [annotation(result("cat"), day=first)])
    take(project, [annotation(result("dog"), day=second)])
    assert labels(project) == [stands]


def test_an_answer_that_was_given_again_is_not_undone_by_one_from_between(
    project: Project,
) -> None:
    for label, day in (("cat", 1), ("cat", 3), ("dog", 2)):
        take(project, [annotation(result(label), day=f"0{day}T10:00:00Z")])
    assert labels(project) == ["cat"]


@pytest.mark.parametrize("key", ["completions", "predictions"])
def test_tasks_that_are_no_export_are_refused(project: Project, key: str) -> None:
    tasks = json.loads((project.root / "label-studio.json").read_text())
    path = project.root.parent / "e.json"
    path.write_text(json.dumps([{**task, key: [annotation(result("cat"))]} for task in tasks]))
    with pytest.raises(LabelingError, match="has tasks without annotations"):
        ingest(project, [path])


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_before_nothing(text: str) -> None:
    assert not is_before(text, "2026-01-01T00:00:00Z")
    assert not is_before("2026-01-01T00:00:00Z", text)
