"""Labels as one file: a table and Label Studio's tasks that come back as the same labels."""

import json
import shutil
from pathlib import Path

import pytest

from rayal.cli.export import main
from rayal.labeling.answers import NOT_USABLE, Answer
from rayal.labeling.class_names import ClassSet
from rayal.labeling.errors import LabelingError
from rayal.labeling.exporting import export
from rayal.labeling.ingest import ingest
from rayal.labeling.labels import LabelLog
from rayal.labeling.project import Project
from rayal.labeling.spreadsheet import returned_rows
from tests.labeling.made_up_projects import COLORS, label_truly, log_of, make_project


def _without_answers(project: Project, place: Path) -> Project:
    """Copy a project, without its answers."""
    shutil.copytree(project.root.parent, place)
    (place / "labels" / "answers.jsonl").unlink()
    return Project.open(place / "labels")


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_an_export_comes_back_as_the_same_labels(tmp_path: Path, suffix: str) -> None:
    project = make_project(tmp_path / "own")
    label_truly(project, range(5))
    label_truly(project, [9])  # of no round
    exported = export(project, log_of(project), tmp_path / f"labels{suffix}")
    other = _without_answers(project, tmp_path / "other")
    ingest(other, [tmp_path / f"labels{suffix}"])
    assert (exported.images, exported.answers, exported.left_out) == (6, 6, 0)
    assert log_of(other).labels() == log_of(project).labels()


def test_each_annotator_and_what_an_image_was_chosen_for_are_in_the_table(tmp_path: Path) -> None:
    project = make_project(tmp_path / "own", audit=1)
    first, unasked = project.pool.ids[0], project.pool.ids[11]
    log_of(project).append(
        Answer(first, COLORS[1]), Answer(first, COLORS[0]), Answer(first, COLORS[2], by="Bo"),
        Answer(unasked, action="not_usable"),
    )  # fmt: skip
    export(project, log_of(project), tmp_path / "labels.csv")
    rows = [row for _, row in returned_rows(tmp_path / "labels.csv")]
    assert [(row["label"], row["annotator"], row["purpose"]) for row in rows] == [
        (COLORS[0], "", "audit"), (COLORS[2], "Bo", "audit"), ("not usable", "", ""),
    ]  # fmt: skip


def test_several_classes_and_none_come_back(tmp_path: Path) -> None:
    project = make_project(tmp_path / "own", classes=COLORS, multilabel=True)
    ids = project.pool.ids
    log_of(project).append(Answer(ids[0], classes=COLORS[:2]), Answer(ids[1], classes=()))
    for suffix in (".csv", ".json"):
        export(project, log_of(project), tmp_path / f"labels{suffix}")
        other = _without_answers(project, tmp_path / suffix[1:])
        ingest(other, [tmp_path / f"labels{suffix}"])
        assert log_of(other).labels() == {ids[0]: ClassSet(COLORS[:2]), ids[1]: ClassSet(())}


def test_label_studio_is_given_no_image_that_is_not_usable(tmp_path: Path) -> None:
    project = make_project(tmp_path / "own")
    label_truly(project, [0])
    log_of(project).append(Answer(project.pool.ids[1], action="not_usable"))
    exported = export(project, log_of(project), tmp_path / "labels.json")
    tasks = json.loads((tmp_path / "labels.json").read_text())
    assert [task["data"]["rayal_id"] for task in tasks] == [project.pool.ids[0]]
    assert exported.left_out == 1
    assert log_of(project).current()[project.pool.ids[1]] is NOT_USABLE


def test_the_labeling_interface_beside_the_tasks_has_their_classes(tmp_path: Path) -> None:
    project = make_project(tmp_path / "own")
    label_truly(project, range(3))
    export(project, log_of(project), tmp_path / "labels.json")
    interface = (tmp_path / "labels.xml").read_text()
    assert all(f'<Choice value="{name}"/>' in interface for name in COLORS)


def test_nothing_that_exists_is_written_over(tmp_path: Path) -> None:
    project = make_project(tmp_path / "own")
    label_truly(project, [0])
    taken = tmp_path / "colleague.csv"
    taken.write_text("path,label\n")
    with pytest.raises(LabelingError, match="already"):
        export(project, log_of(project), taken)
    with pytest.raises(LabelingError, match="own files"):
        export(project, log_of(project), project.root / "mine.csv")
    (tmp_path / "a.xml").write_text("")
    with pytest.raises(LabelingError, match=r"a\.xml already"):
        export(project, log_of(project), tmp_path / "a.json")
    assert taken.read_text() == "path,label\n"


def test_the_command_refuses_an_unknown_suffix_and_a_project_without_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(tmp_path / "own")
    assert main([str(project.root), str(tmp_path / "labels.xlsx")]) == 2
    assert ".csv or .json" in capsys.readouterr().err
    assert main([str(project.root), str(tmp_path / "labels.csv")]) == 2
    assert f"rayal label {project.root}" in " ".join(capsys.readouterr().err.split())


def test_the_command_names_the_files_and_those_on_whom_annotators_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(tmp_path / "own")
    log: LabelLog = log_of(project)
    log.append(Answer(project.pool.ids[0], "a"), Answer(project.pool.ids[0], "b", by="Bo"))
    assert main([str(project.root), str(tmp_path / "labels.csv")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "2 labels of 1 image:" in shown
    assert "annotators differ on 1 image;" in shown
