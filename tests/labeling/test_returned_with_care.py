"""Labels that come back of another image, in place of others, twice, or under another name."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rayal.labeling.answers import NOT_USABLE, Answer
from rayal.labeling.errors import LabelingError
from rayal.labeling.ingest import Ingested, ingest
from rayal.labeling.notebook import Pool
from rayal.labeling.project import Project
from rayal.labeling.selecting import next_round
from tests.labeling.images import folder_of, picture, project_of, request, select


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_of(tmp_path, count=12, budget=4)


def rows_of(project: Project) -> list[dict[str, str]]:
    with (project.root / "labels.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def filled(
    project: Project, labels: list[str], name: str = "labels.csv", encoding: str = "utf-8-sig"
) -> Path:
    """Fill in the project's table, or one beside it, with these labels."""
    rows = rows_of(project)
    for row, label in zip(rows, labels, strict=False):
        row["label"] = label
    path = project.root / name if name == "labels.csv" else project.root.parent / name
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def take(project: Project, *files: Path) -> Ingested:
    return ingest(Project.open(project.root), files)


def select_more(project: Project) -> None:
    next_round(Project.open(project.root), 2, 0, lambda line: None)


def test_a_correction_that_was_not_imported_is_not_written_over(project: Project) -> None:
    take(project, filled(project, ["cat", "dog", "cat", "dog"]))
    filled(project, ["dog", "dog", "cat", "dog"])
    with pytest.raises(LabelingError, match="has 1 label that was not imported"):
        select_more(project)
    assert rows_of(project)[0]["label"] == "dog"
    take(project, project.root / "labels.csv")
    select_more(project)


def test_labels_in_the_table_of_a_round_that_was_interrupted_are_not_written_over(
    project: Project,
) -> None:
    (project.root / "published.json").unlink()  # as where the command was killed before its end
    path = filled(project, ["cat", "dog", "cat", "dog"])
    with pytest.raises(LabelingError, match="has 4 labels that were not imported"):
        select_more(project)
    assert rows_of(project)[0]["label"] == "cat"
    take(project, path)
    select_more(project)


def test_a_label_that_was_corrected_on_the_page_since_holds_up_no_round(project: Project) -> None:
    take(project, filled(project, ["cat", "dog", "cat", "dog"]))
    rayal_id = rows_of(project)[0]["rayal_id"]
    project.labels.append(Answer(rayal_id, "dog", source="page"))
    select_more(project)
    assert project.labels.labels()[rayal_id] == "dog"


def test_a_table_that_is_filled_in_further_does_not_undo_a_correction_on_the_page(
    project: Project,
) -> None:
    take(project, filled(project, ["cat", "dog", "", ""]))
    rayal_id = rows_of(project)[0]["rayal_id"]
    project.labels.append(Answer(rayal_id, "dog", source="page"))
    done = take(project, filled(project, ["cat", "dog", "cat", ""]))
    assert (done.overruled, done.labeled, done.known) == (1, 1, 1)
    assert project.labels.labels()[rayal_id] == "dog"
    assert take(project, filled(project, ["bird", "dog", "cat", ""])).labeled == 1
    assert project.labels.labels()[rayal_id] == "bird"


def test_a_disagreement_that_was_settled_on_the_page_does_not_come_back_with_the_next_export(
    project: Project,
) -> None:
    def said(label: str, by: int, day: int = 1) -> dict[str, Any]:
        at = f"2026-01-0{day}T10:00:00Z"
        result = [{"type": "choices", "from_name": "choice", "value": {"choices": [label]}}]
        return {"completed_by": by, "result": result, "updated_at": at}

    task, *_ = tasks_of(project)
    first = [{**task, "annotations": [said("cat", 1), said("dog", 2)]}]
    take(project, export(project, "e.json", first))
    rayal_id = task["data"]["rayal_id"]
    gone = Answer(rayal_id, action="withdraw", by="label-studio:2", source="page")
    project.labels.append(gone, Answer(rayal_id, "cat", source="page"))
    assert take(project, export(project, "e.json", first)).overruled == 1
    assert project.labels.labels() == {rayal_id: "cat"}
    later = [{**task, "annotations": [said("cat", 1), said("dog", 2, day=2)]}]
    assert take(project, export(project, "e.json", later)).labeled == 1
    assert rayal_id in project.labels.conflicts()


def test_a_tag_that_was_removed_and_set_again_is_taken(project: Project) -> None:
    path, name = project.root.parent / "said.xml", rows_of(project)[0]["path"]
    for tags, labels in (('<tag label="cat"/>', 1), ("", 0), ('<tag label="cat"/>', 1)):
        path.write_text(f'<annotations><image name="{name}">{tags}</image></annotations>')
        take(project, path)
        assert len(project.labels.labels()) == labels


def test_a_table_whose_ids_were_removed_goes_by_its_paths(project: Project) -> None:
    path = filled(project, ["cat", "dog", "cat", "dog"])
    rows = [{**row, "rayal_id": ""} for row in rows_of(project)]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert take(project, path).labeled == 4
    select_more(project)


def test_files_of_one_import_that_differ_on_an_image_are_believed_in_neither(
    project: Project,
) -> None:
    one = filled(project, ["cat", "dog", "", ""], "one.csv")
    other = filled(project, ["dog", "dog", "cat", ""], "other.csv")
    done = take(project, one, other)
    [refused] = done.refused
    assert "other.csv, line 2 says 'dog' of an image of which one.csv, line 2 says 'cat'" in refused
    assert "name the people in a column 'annotator'" in refused
    assert (done.labeled, done.known) == (2, 1)


def test_answers_in_place_of_earlier_ones_are_counted(project: Project) -> None:
    take(project, filled(project, ["cat", "dog", "cat", "dog"]))
    done = take(project, filled(project, ["cat", "cat", "not usable", "dog"]))
    assert (done.labeled, done.not_usable, done.replaced, done.known) == (1, 1, 2, 2)


@pytest.mark.parametrize("with_id", [True, False])
def test_a_label_of_a_file_that_was_replaced_is_refused(project: Project, with_id: bool) -> None:
    path = filled(project, ["cat", "dog", "cat", "dog"])
    if not with_id:
        rows = rows_of(project)
        path.write_text("path,label\n" + "".join(f"{r['path']},{r['label']}\n" for r in rows))
    first, second = (row["path"] for row in rows_of(project)[:2])
    picture(999).save(project.source / first)
    (project.source / second).unlink()  # as where images are archived
    done = take(project, path)
    assert done.labeled == 3
    [refused] = done.refused
    assert f"the file {first} has changed since it was read" in refused


def test_a_label_that_is_known_of_a_file_replaced_since_is_known(project: Project) -> None:
    path = filled(project, ["cat", "dog", "cat", "dog"])
    take(project, path)
    picture(999).save(project.source / rows_of(project)[0]["path"])
    done = take(project, path)
    assert (done.known, done.refused) == (4, [])


def test_a_label_in_python_of_a_file_that_was_replaced_is_refused(project: Project) -> None:
    path = rows_of(project)[0]["path"]
    picture(999).save(project.source / path)
    with pytest.raises(LabelingError, match=f"the file {path} has changed since it was read"):
        Pool.open(project.root).label({path: "cat"})
    assert project.labels.all() == ()


def test_labels_are_taken_where_the_images_were_moved_away(project: Project) -> None:
    path = filled(project, ["cat", "dog", "cat", "dog"])
    project.source.rename(project.source.with_name("elsewhere"))
    assert take(project, path).labeled == 4


@pytest.mark.parametrize("words", ["not usable", "Not_Usable", "not  usable", "NOT USABLE."])
def test_words_for_an_image_without_a_class_make_none_however_written(
    project: Project, words: str
) -> None:
    done = take(project, filled(project, ["cat", words]))
    assert (done.labeled, done.not_usable, done.new_classes) == (1, 1, ["cat"])


def export(project: Project, name: str, tasks: list[dict[str, Any]]) -> Path:
    path = project.root.parent / name
    if path.suffix == ".json":
        path.write_text(json.dumps(tasks))
        return path
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(tasks[0]))
        writer.writeheader()
        writer.writerows(tasks)
    return path


def tasks_of(project: Project) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = json.loads((project.root / "label-studio.json").read_text())
    return tasks


def annotated(task: dict[str, Any], kind: str, value: dict[str, Any]) -> dict[str, Any]:
    result = [{"type": kind, "from_name": "choice", "value": value}]
    return {**task, "annotations": [{"completed_by": 1, "result": result}]}


def test_words_that_were_typed_into_a_field_of_label_studio_make_no_class(
    project: Project,
) -> None:
    tasks = [annotated(one, "textarea", {"text": ["Not usable"]}) for one in tasks_of(project)]
    assert take(project, export(project, "e.json", tasks)).not_usable == 4
    assert set(project.labels.current().values()) == {NOT_USABLE}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("rectanglelabels", {"rectanglelabels": ["cat"], "x": 1}),
        ("taxonomy", {"taxonomy": [["animal", "cat"]]}),
    ],
)
def test_annotations_of_a_kind_that_is_not_read_are_not_taken_for_skipped(
    project: Project, kind: str, value: dict[str, Any]
) -> None:
    tasks = [annotated(one, kind, value) for one in tasks_of(project)]
    done = take(project, export(project, "e.json", tasks))
    assert (done.skipped, len(done.refused)) == (0, 4)
    assert f"is annotated by {kind}, of which no class is read" in done.refused[0]


@pytest.mark.parametrize("name", ["e.json", "e.csv"])
def test_answers_under_another_name_are_not_taken_for_skipped(project: Project, name: str) -> None:
    rows = [
        {**task["data"], "id": n, "annotation_id": n, "annotator": 1, "lead_time": 2, "kind": "cat"}
        for n, task in enumerate(tasks_of(project), 1)
    ]
    with pytest.raises(LabelingError, match=r"no answers under 'choice'.* it has 'kind': rename"):
        take(project, export(project, name, rows))
    skipped = [{k: v for k, v in row.items() if k != "kind"} for row in rows]
    assert take(project, export(project, "s.json", skipped)).skipped == 4


@pytest.mark.parametrize("name", ["e.json", "e.csv"])
def test_a_class_whose_name_looks_like_json_keeps_it(project: Project, name: str) -> None:
    classes = ["[1]", "[2, 3]", "{4}", "[neg]"]
    rows = [
        {**task["data"], "id": n, "annotation_id": n, "annotator": 1, "lead_time": 2, "choice": own}
        for n, (task, own) in enumerate(zip(tasks_of(project), classes, strict=True), 1)
    ]
    assert take(project, export(project, name, rows)).new_classes == classes


@pytest.mark.parametrize("folder", ["", "cvat", "cvat/images", "previews"])
def test_the_project_s_own_folders_are_no_classes(project: Project, folder: str) -> None:
    (project.root / "previews").mkdir(exist_ok=True)
    with pytest.raises(LabelingError, match="is a folder that rayal wrote itself"):
        take(project, project.root / folder)


@pytest.mark.parametrize("parts", [("train", "val"), ("Train",), ("fold1", "fold2")])
def test_folders_that_are_parts_of_a_data_set_are_no_classes(
    project: Project, parts: tuple[str, ...]
) -> None:
    place = project.root.parent / "sorted"
    for part, row in zip(parts, rows_of(project), strict=False):
        (place / part / "cat").mkdir(parents=True)
        shutil.copy(project.source / row["path"], place / part / "cat")
    with pytest.raises(LabelingError, match=f"'{parts[0]}'.*which are no classes but parts"):
        take(project, place)
    assert take(project, *(place / part for part in parts)).new_classes == ["cat"]


def test_train_may_be_a_class(project: Project) -> None:
    place = project.root.parent / "sorted" / "train"
    place.mkdir(parents=True)
    shutil.copy(project.source / rows_of(project)[0]["path"], place)
    assert take(project, place.parent).new_classes == ["train"]


def test_shapes_of_cvat_are_not_taken_for_images_without_an_answer(project: Project) -> None:
    one, other = (row["path"] for row in rows_of(project)[:2])
    path = project.root.parent / "said.xml"
    path.write_text(
        f'<annotations><image name="{one}"><box label="cat"/><polygon label="cat"/></image>'
        f'<image name="{other}"><tag label="dog"/><box label="cat"/></image></annotations>'
    )
    done = take(project, path)
    assert done.new_classes == ["dog"]
    [reason] = done.refused
    assert f"image {one} is annotated by box, polygon, of which no class is read" in reason


def test_a_folder_of_classes_may_lie_in_the_project(project: Project) -> None:
    first = project.source / rows_of(project)[0]["path"]
    (project.root / "sorted" / "cat").mkdir(parents=True)
    (project.root / "sorted" / "cat" / "copy.png").write_bytes(first.read_bytes())
    assert take(project, project.root / "sorted").labeled == 1


def test_a_table_in_utf_16_is_read(project: Project) -> None:
    assert take(project, filled(project, ["größe", "cat"], encoding="utf-16")).labeled == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("path,label\na.png,größe\n".encode("latin-1"), "of another encoding; save it in UTF-8"),
        (b"path,dx\na.png,cat\n", "has the columns 'path', 'dx', and a table of labels has"),
        (b"sep=;\npath;label\na.png;cat\n", "has the columns 'sep=', '', and a table of labels"),
    ],
)
def test_a_table_without_labels_says_why(project: Project, content: bytes, why: str) -> None:
    path = project.root.parent / "t.csv"
    path.write_bytes(content)
    with pytest.raises(LabelingError, match=why):
        take(project, path)


def test_columns_are_known_however_their_names_are_written(project: Project) -> None:
    path = project.root.parent / "t.csv"
    rayal_id = rows_of(project)[0]["rayal_id"]
    path.write_text(f"Rayal_ID,LABEL, Annotator \n{rayal_id},cat,ann\n{rayal_id},dog,bob\n")
    take(project, path)
    assert project.labels.conflicts() == {rayal_id: {"ann": "cat", "bob": "dog"}}


@pytest.mark.parametrize("multilabel", [True, False])
def test_a_class_that_says_not_usable_is_refused(tmp_path: Path, multilabel: bool) -> None:
    classes = ("cat", "not-usable")
    with pytest.raises(LabelingError, match="'not-usable' is what an answer says instead"):
        project_of(tmp_path, classes=classes, multilabel=multilabel)


def test_a_list_that_says_not_usable_has_no_such_class(tmp_path: Path) -> None:
    from rayal.labeling.selecting import first_round, open_or_create
    from tests.labeling.images import folder_of

    images = folder_of(tmp_path / "cells", 6)
    table = tmp_path / "list.csv"
    rows = ["cat", "dog", "not usable", "", "", ""]
    table.write_text(
        "path,dx\n" + "".join(f"{images}/{n:03d}.png,{row}\n" for n, row in enumerate(rows))
    )
    asked = request(table, columns={"label": "dx"})
    project = first_round(open_or_create(asked, tmp_path / "out"), 2, 0, lambda line: None).project
    assert project.classes == ("cat", "dog")
    assert list(project.labels.current().values()).count(NOT_USABLE) == 1


@pytest.fixture
def blanks(tmp_path: Path) -> Project:
    """A project of two images whose names differ in a blank, and of one with a backslash."""
    images = tmp_path / "cells"
    images.mkdir()
    for seed, name in enumerate(("a.png", " a.png", "b\\c.png")):
        picture(seed).save(images / name)
    return select(images, 3).project


@pytest.mark.parametrize("with_id", [True, False])
def test_blanks_and_backslashes_in_names_are_parts_of_them(blanks: Project, with_id: bool) -> None:
    ids = dict(zip(blanks.pool.paths, blanks.pool.ids, strict=True))
    lines = [f"{path},{ids[path] if with_id else ''},of {n}\n" for n, path in enumerate(ids)]
    table = blanks.root.parent / "t.csv"
    table.write_text(f"path,rayal_id,label\n{''.join(lines)}")
    assert take(blanks, table).refused == []
    assert blanks.labels.labels() == {ids[path]: f"of {n}" for n, path in enumerate(ids)}


def test_blanks_around_a_path_that_no_name_has_do_not_count(project: Project) -> None:
    path = rows_of(project)[0]["path"]
    table = project.root.parent / "t.csv"
    table.write_text(f"path,label\n {path} ,cat\n")
    assert take(project, table).labeled == 1


def test_a_list_may_name_files_with_blanks(blanks: Project) -> None:
    table = blanks.source.parent / "list.csv"
    table.write_text("path,dx\n cells/a.png,other\ncells/ a.png,one\ncells/a.png ,two\n")
    with pytest.raises(LabelingError, match=r"cells/a\.png is listed twice, and differently"):
        select(table, 1, out=table.with_name("twice"), columns={"label": "dx"})
    table.write_text("path,dx\ncells/ a.png,one\ncells/a.png ,two\ncells/b\\c.png,\n")
    project = select(table, 1, out=table.with_name("out"), columns={"label": "dx"}).project
    paths = dict(zip(project.pool.ids, project.pool.paths, strict=True))
    labels = {paths[i]: label for i, label in project.labels.labels().items()}
    assert labels == {"cells/ a.png": "one", "cells/a.png": "two"}


def test_a_quote_closed_in_a_later_row_takes_no_answers_with_it(project: Project) -> None:
    rows = rows_of(project)
    notes = {0: '"see biopsy', 2: 'unclear"'}
    lines = [f"{row['path']},cat,{notes.get(n, 'ok')}" for n, row in enumerate(rows)]
    table = project.root.parent / "answers.csv"
    table.write_text("\n".join(["path,label,comment", *lines]), encoding="utf-8")
    with pytest.raises(LabelingError, match=r"line 2: the column 'comment' holds the 3 lines"):
        take(project, table)


@pytest.mark.parametrize("other", ["label_y", "label.1", "path_right"])
def test_a_second_column_of_a_join_is_refused(project: Project, other: str) -> None:
    table = project.root.parent / "answers.csv"
    lines = [f"{row['path']},cat,dog" for row in rows_of(project)]
    table.write_text("\n".join([f"path,label,{other}", *lines]), encoding="utf-8")
    with pytest.raises(LabelingError, match=f"and '{other}', which look alike"):
        take(project, table)


@pytest.mark.parametrize("label", ["caf\ufffd", "\u200b", "\u3164"])
def test_a_class_that_lost_a_character_or_cannot_be_seen_is_not_taken(
    project: Project, label: str
) -> None:
    done = take(project, filled(project, ["cat", label, "dog"]))
    assert (done.labeled, len(done.refused)) == (2, 1)


def test_tags_that_a_model_has_set_are_no_answers(project: Project) -> None:
    one, other = (row["path"] for row in rows_of(project)[:2])
    path = project.root.parent / "said.xml"
    path.write_text(
        f'<annotations><image name="{one}"><tag label="cat" source="auto"/></image>'
        f'<image name="{other}"><tag label="dog" source="semi-auto"/></image></annotations>'
    )
    done = take(project, path)
    assert done.new_classes == ["dog"]
    assert f"image {one} has a tag that a model has set" in done.refused[0]


def test_tracks_of_a_video_are_refused(project: Project) -> None:
    path = project.root.parent / "said.xml"
    path.write_text('<annotations><track label="cat"><box frame="0"/></track></annotations>')
    with pytest.raises(LabelingError, match="tracks of a video: export it as CVAT for images"):
        take(project, path)


def _coco(project: Project, names: list[str], **more: Any) -> Path:
    path = project.root.parent / "coco.json"
    content = {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(names)],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": n, "category_id": 1} for n in range(len(names))],
    }
    content["annotations"][0].update(more)
    path.write_text(json.dumps(content))
    return path


def test_annotations_with_a_score_are_predictions_and_no_answers(project: Project) -> None:
    names = [row["path"] for row in rows_of(project)[:2]]
    done = take(project, _coco(project, names, score=0.93))
    assert (done.labeled, len(done.refused)) == (1, 1)
    assert "is annotated with a score" in done.refused[0]
    assert take(project, _coco(project, names, score=1)).labeled == 1


def test_results_in_coco_s_form_are_refused(project: Project) -> None:
    path = project.root.parent / "results.json"
    path.write_text('[{"image_id": 1, "category_id": 1, "score": 0.9}]')
    with pytest.raises(LabelingError, match=r"no list of tasks: .*are predictions"):
        take(project, path)


def test_json_with_a_name_twice_is_refused(project: Project) -> None:
    path = _coco(project, [rows_of(project)[0]["path"]])
    path.write_text(
        path.read_text().replace('"category_id": 1', '"category_id": 2, "category_id": 1')
    )
    with pytest.raises(LabelingError, match="it has 'category_id' 2 times"):
        take(project, path)


@pytest.mark.parametrize(
    ("more", "labeled", "skipped", "refused"),
    [
        ({}, 1, 0, 0),
        ({"skipped": True}, 0, 1, 0),
        ({"reviews": [{"accepted": False, "created_at": "2026-01-02T00:00:00Z"}]}, 0, 0, 1),
        (
            {
                "reviews": [
                    {"accepted": True, "created_at": "2026-01-03T00:00:00Z"},
                    {"accepted": False, "created_at": "2026-01-02T00:00:00Z"},
                ]
            },
            1, 0, 0,
        ),
    ],
)  # fmt: skip
def test_annotations_that_were_skipped_or_rejected_in_a_review_are_no_answers(
    project: Project, more: dict[str, Any], labeled: int, skipped: int, refused: int
) -> None:
    row = rows_of(project)[0]
    result = {"from_name": "choice", "type": "choices", "value": {"choices": ["cat"]}}
    annotation = {"completed_by": 1, "result": [result], **more}
    data = {"path": row["path"], "rayal_id": row["rayal_id"]}
    path = project.root.parent / "export.json"
    path.write_text(json.dumps([{"id": 1, "data": data, "annotations": [annotation]}]))
    done = take(project, path)
    assert (done.labeled, done.skipped, len(done.refused)) == (labeled, skipped, refused)


def test_a_name_without_its_folder_is_not_taken_for_the_image_of_that_path(tmp_path: Path) -> None:
    folder_of(tmp_path / "cells", 3, "{}.png")
    folder_of(tmp_path / "cells", 3, "day2/{}.png", first=10)
    project = select(tmp_path / "cells", budget=6).project
    done = take(project, _coco(project, ["0.png"]))
    assert done.labeled == 0
    assert "'0.png' may be the image of that path or day2/0.png" in done.refused[0]
    done = take(project, _coco(project, ["0.png", "day2/1.png"]))
    assert (done.labeled, done.refused) == (2, [])
