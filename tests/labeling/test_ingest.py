"""Labels that come back: each on its image or refused by name, whatever file they come in."""

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rayal.labeling.answers import NOT_USABLE
from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.tool import tools
from rayal.labeling.ingest import Ingested, ingest
from rayal.labeling.project import Project
from tests.labeling.images import folder_of, project_of, select


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_of(tmp_path, count=10, budget=4)


def _annotation(label: str | None, by: int = 1, **more: Any) -> dict[str, Any]:
    result = [] if label is None else [{"type": "choices", "value": {"choices": [label]}}]
    return {
        "completed_by": by, "result": result, "was_cancelled": label is None, "lead_time": 2.5,
        "created_at": "2026-11-28T22:18:44Z", **more,
    }  # fmt: skip


def _export(
    project: Project, annotations: list[list[dict[str, Any]]], name: str = "e.json"
) -> Path:
    tasks = json.loads((project.root / "label-studio.json").read_text())
    for number, (task, given) in enumerate(zip(tasks, annotations, strict=False), start=1):
        task |= {"id": number, "annotations": given}
    path = project.root.parent / name
    path.write_text(json.dumps(list(reversed(tasks[: len(annotations)]))))
    return path


def _table(project: Project, labels: list[str], path: str = "", delimiter: str = ",") -> Path:
    with (project.root / "labels.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, label in zip(rows, labels, strict=False):
        row["label"] = label
    file_path = project.root / (path or "labels.csv")
    with file_path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return file_path


def _take(project: Project, *files: Path) -> Ingested:
    return ingest(Project.open(project.root), files)


def test_label_studio_s_json_is_matched_by_id(project: Project) -> None:
    ids = project.rounds[0].ids
    export = _export(project, [[_annotation("cat")], [_annotation("dog")], [_annotation(None)]])
    done = _take(project, export)
    assert (done.labeled, done.skipped, done.new_classes) == (2, 1, ["dog", "cat"])
    assert project.labels.labels() == {ids[0]: "cat", ids[1]: "dog"}
    answer = project.labels.history(ids[0])[0]
    assert (answer.by, answer.seconds, answer.round, answer.source) == (
        "label-studio:1", 2.5, 1, "label-studio",
    )  # fmt: skip


def test_reading_a_file_twice_changes_nothing(project: Project) -> None:
    export = _export(project, [[_annotation("cat")], [_annotation("dog")]])
    _take(project, export)
    again = _take(project, export)
    assert (again.labeled, again.known) == (0, 2)
    assert len(project.labels.all()) == 2


def test_a_corrected_label_counts_and_an_older_export_does_not_undo_it(project: Project) -> None:
    old = _export(project, [[_annotation("cat")]], "old.json")
    new = _export(project, [[_annotation("dog", updated_at="2026-11-29T00:00:00Z")]], "new.json")
    _take(project, old)
    _take(project, new)
    _take(project, old)
    assert list(project.labels.labels().values()) == ["dog"]


def test_a_withdrawn_annotation_is_withdrawn(project: Project) -> None:
    _take(project, _export(project, [[_annotation("cat")], [_annotation("dog")]]))
    done = _take(project, _export(project, [[], [_annotation("dog")]]))
    assert (done.withdrawn, done.known) == (1, 1)
    assert list(project.labels.labels().values()) == ["dog"]


def test_annotators_who_differ_are_a_conflict_and_count_for_nothing(project: Project) -> None:
    done = _take(project, _export(project, [[_annotation("cat"), _annotation("dog", by=2)]]))
    assert done.labeled == 2
    assert project.labels.labels() == {}
    assert list(project.labels.conflicts().values()) == [
        {"label-studio:1": "cat", "label-studio:2": "dog"}
    ]


def test_several_labels_on_one_image_are_refused(project: Project) -> None:
    both = _annotation("cat")
    both["result"][0]["value"]["choices"] = ["cat", "dog"]
    done = _take(project, _export(project, [[both], [_annotation("cat")]]))
    assert done.labeled == 1
    assert done.refused == ["e.json, task 1 has several labels (cat, dog): one is needed"]


def test_a_class_that_was_typed_into_a_field_is_a_label(project: Project) -> None:
    typed = _annotation("x")
    typed["result"] = [{"type": "textarea", "value": {"text": ["mitosis"]}}]
    _take(project, _export(project, [[typed]]))
    assert list(project.labels.labels().values()) == ["mitosis"]


def test_an_export_of_another_project_is_refused_by_name(project: Project, tmp_path: Path) -> None:
    other = select(folder_of(tmp_path / "others", 5, first=50), budget=3).project
    export = _export(other, [[_annotation("cat")]])
    with pytest.raises(LabelingError, match=f"another project \\({other.settings.project}\\)"):
        _take(project, export)
    with pytest.raises(LabelingError, match="none of them is in"):
        _take(project, _table(other, ["cat"], "filled.csv"))
    assert project.labels.all() == ()


@pytest.mark.parametrize("kind", ["json-min", "csv"])
def test_label_studio_s_flat_formats(project: Project, kind: str) -> None:
    tasks = json.loads((project.root / "label-studio.json").read_text())
    rows = [
        {**task["data"], "id": n, "annotation_id": n, "annotator": 1, "lead_time": 1.5,
         "created_at": "2026-11-28T22:18:44Z", "choice": "cat" if n % 2 else {"choices": ["dog"]}}
        for n, task in enumerate(tasks)
    ]  # fmt: skip
    rows[3] |= {"choice": "", "annotation_id": "", "annotator": ""}
    path = project.root.parent / ("min.json" if kind == "json-min" else "export.csv")
    if kind == "json-min":
        path.write_text(json.dumps(rows))
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            for row in rows:
                choice = row["choice"]
                writer.writerow({**row, "choice": choice if isinstance(choice, str) else "dog"})
    assert _take(project, path).labeled == 3
    ids = project.rounds[0].ids
    assert project.labels.labels() == {ids[0]: "dog", ids[1]: "cat", ids[2]: "dog"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_filled_in_by_hand(project: Project, delimiter: str) -> None:
    done = _take(project, _table(project, ["cat", "", " Not usable "], delimiter=delimiter))
    ids = project.rounds[0].ids
    assert (done.labeled, done.not_usable, done.refused) == (1, 1, [])
    assert project.labels.current() == {ids[0]: "cat", ids[2]: NOT_USABLE}


def test_a_table_without_ids_goes_by_paths_and_refuses_what_is_not_certain(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 3, "a/{}.png")
    folder_of(cells, 3, "b/{}.png", first=20)
    project = select(cells, budget=2).project
    table = tmp_path / "mine.csv"
    table.write_text(f"path,label\na/0.png,cat\n1.png,cat\nc/9.png,cat\n{cells}/b/2.png,dog\n")
    done = _take(project, table)
    by_path = {project.pool[project.pool.position[one]].path: label
               for one, label in project.labels.labels().items()}  # fmt: skip
    assert by_path == {"a/0.png": "cat", "b/2.png": "dog"}
    assert [reason.partition(":")[0] for reason in done.refused] == [
        "mine.csv, line 3", "mine.csv, line 4",
    ]  # fmt: skip
    assert "may be a/1.png or b/1.png" in done.refused[0]
    assert done.not_chosen >= 0


@pytest.mark.parametrize("name", ["a.png", "./a.png", "x/b.png", "b.png", "c.png"])
def test_a_label_of_a_file_that_is_no_image_of_the_project_is_not_given_to_its_namesake(
    tmp_path: Path, name: str
) -> None:
    cells = folder_of(tmp_path / "cells", 3, "sub/{}.png")
    for number, own in enumerate("abc"):
        (cells / "sub" / f"{number}.png").rename(cells / "sub" / f"{own}.png")
    (cells / "x").mkdir()
    (cells / "a.png").write_text("damaged")
    (cells / "x" / "b.png").write_text("damaged")
    project = select(cells, budget=2).project
    folder_of(cells, 1, "c.png", first=50)  # added later
    table = tmp_path / "mine.csv"
    table.write_text(f"path,label\n{name},cat\nsub/b.png,dog\n")
    done = _take(project, table)
    assert list(project.labels.labels().values()) == ["dog"]
    [reason] = done.refused
    assert "was left out of the project" in reason or "none of the project's images" in reason


def test_a_label_for_a_copy_is_one_for_its_image(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 3)
    (cells / "zz.png").write_bytes((cells / "001.png").read_bytes())
    project = select(cells, budget=2).project
    table = tmp_path / "mine.csv"
    table.write_text("path,label\nzz.png,cat\n")
    _take(project, table)
    assert list(project.labels.labels()) == [project.pool.ids[1]]


def test_labels_of_images_that_no_round_chose_are_taken_and_said(project: Project) -> None:
    chosen = project.rounds[0].ids
    other = next(image for image in project.pool if image.rayal_id not in chosen)
    table = project.root.parent / "mine.csv"
    table.write_text(f"path,label\n{other.path},cat\n")
    done = _take(project, table)
    assert (done.labeled, done.not_chosen) == (1, 1)


def test_classes_that_look_alike_are_refused(project: Project) -> None:
    with pytest.raises(LabelingError, match="'MEL' and 'mel' look alike"):
        _take(project, _table(project, ["mel", "MEL"]))
    assert project.labels.all() == ()


def test_cvat_s_tags_are_matched_by_the_id_in_the_name(project: Project) -> None:
    names = sorted(path.name for path in (project.root / "cvat" / "images").iterdir())
    tags = ["cat", "dog", "not usable", None]
    images = "".join(
        f'<image id="{n}" name="images/{name}" width="12" height="12">'
        + (f'<tag label="{tag}" source="manual"></tag>' if tag else "")
        + "</image>"
        for n, (name, tag) in enumerate(zip(names, tags, strict=True))
    )
    text = f"<?xml version='1.0'?><annotations><version>1.1</version>{images}</annotations>"
    path = project.root.parent / "cvat.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("annotations.xml", text)
    done = _take(project, path)
    ids = project.rounds[0].ids
    assert (done.labeled, done.not_usable) == (2, 1)
    assert project.labels.current() == {ids[0]: "cat", ids[1]: "dog", ids[2]: NOT_USABLE}


def test_xml_that_declares_entities_is_refused(project: Project) -> None:
    path = project.root.parent / "bomb.xml"
    path.write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>')
    with pytest.raises(LabelingError, match="declares entities"):
        _take(project, path)


def test_images_sorted_into_folders_are_known_by_their_bytes(project: Project) -> None:
    ids = project.rounds[0].ids
    for rayal_id, label in zip(ids, ["cat", "dog", "not usable"], strict=False):
        place = project.root.parent / "sorted" / label
        place.mkdir(parents=True)
        project.image_path(rayal_id).rename(place / f"renamed {label}.png")
    done = _take(project, project.root.parent / "sorted")
    assert (done.labeled, done.not_usable) == (2, 1)
    assert project.labels.current() == {ids[0]: "cat", ids[1]: "dog", ids[2]: NOT_USABLE}


def test_what_is_no_export_is_refused_with_what_is_read(project: Project) -> None:
    path = project.root.parent / "x.json"
    path.write_text("[1, 2]")
    with pytest.raises(LabelingError, match="no list of tasks"):
        _take(project, path)
    path = project.root.parent / "x.md"
    path.write_text("hello")
    with pytest.raises(LabelingError, match=r"of none of the tools.*labels\.csv filled in"):
        _take(project, path)


def test_all_files_are_read_before_any_label_is_kept(project: Project) -> None:
    good = _table(project, ["cat"])
    bad = project.root.parent / "bad.json"
    bad.write_text("[{")
    with pytest.raises(LabelingError, match=r"bad\.json is damaged"):
        _take(project, good, bad)
    assert project.labels.all() == ()


def test_cvat_s_format_as_another_writer_makes_it(project: Project) -> None:
    """The file was written by Datumaro 1.13 from links that `rayal select` made."""
    path = Path(__file__).parent.parent / "data" / "cvat-images-1.1.xml"
    tool = tools()["cvat"]
    assert tool.recognizes(path)
    found = tool.read(path)
    assert [(one.rayal_id, one.action, one.label) for one in found.returned] == [
        ("img_8f774cb110dcc6604e2f", "label", "cat"),
        ("img_bdb96876318599811beb", "label", "dog"),
        ("img_127ddad56b739fbdc06a", "label", "cat"),
        ("img_04afa8f7a5e72a3a9504", "withdraw", None),
    ]
    with pytest.raises(LabelingError, match="none of them is in"):
        _take(project, path)


def test_several_classes_in_a_table_of_a_project_of_one_class_are_refused(project: Project) -> None:
    done = _take(project, _table(project, ["cat", "cat; dog", "dog|cat", "bird"]))
    assert done.labeled == 2
    assert done.new_classes == ["cat", "bird"]
    assert len(done.refused) == 2
    assert all("names several classes" in reason for reason in done.refused)
    assert "--multilabel" in done.refused[0]


def test_an_id_beside_the_path_of_another_image_is_refused(tmp_path: Path) -> None:
    """As where a spreadsheet sorted one column without the others."""
    project = project_of(tmp_path)
    first, second = project.pool[0], project.pool[1]
    rows = [f"{first.rayal_id},{second.path},cat", f"{second.rayal_id},moved/away.png,dog"]
    (tmp_path / "labels.csv").write_text("\n".join(["rayal_id,path,label", *rows]))
    taken = ingest(project, [tmp_path / "labels.csv"])
    assert project.labels.labels() == {second.rayal_id: "dog"}
    [refused] = taken.refused
    assert f"is of {first.path}, and the path beside it is {second.path}" in refused


@pytest.mark.parametrize("other", ["Label", "label ", "la\u200bbel"])
def test_two_columns_of_one_name_are_refused_however_it_is_written(
    tmp_path: Path, other: str
) -> None:
    project = project_of(tmp_path)
    (tmp_path / "labels.csv").write_text(
        f"rayal_id,label,{other}\n{project.pool[0].rayal_id},cat,dog\n", encoding="utf-8"
    )
    with pytest.raises(LabelingError, match="has 2 columns 'label', the 2 and 3"):
        ingest(project, [tmp_path / "labels.csv"])


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("annotations.xml", "<annotations/>" + " " * 5000 + "x" * 500)
    content = bytearray(path.read_bytes())
    content[50] ^= 255
    path.write_bytes(content)
    with pytest.raises(LabelingError, match=r"export\.zip is damaged"):
        ingest(project, [path])


@pytest.mark.parametrize(
    ("choices", "labels"), [([["cat"]], ["cat"]), ([None], []), ([{"text": "cat"}], ["cat"])]
)
def test_nested_choices_are_the_classes_that_they_hold(
    tmp_path: Path, choices: object, labels: list[str]
) -> None:
    project = project_of(tmp_path)
    result = {"type": "choices", "value": {"choices": choices}}
    task = {
        "data": {"rayal_id": project.pool[0].rayal_id},
        "annotations": [{"id": 1, "result": [result]}],
    }
    (tmp_path / "export.json").write_text(json.dumps([task]))
    ingest(project, [tmp_path / "export.json"])
    assert list(project.labels.labels().values()) == labels
