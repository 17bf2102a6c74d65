"""Sets of classes that come back: the same through every format, or refused by name and place."""

import csv
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rayal.labeling.answers import NOT_USABLE, Answer
from rayal.labeling.class_names import ClassSet, class_set, split_classes
from rayal.labeling.errors import LabelingError
from rayal.labeling.ingest import Ingested, ingest
from rayal.labeling.labels import LabelLog
from rayal.labeling.project import Project
from tests.labeling.images import folder_of, select
from tests.labeling.marked_images import CLASSES, project_of_marks

GIVEN = [("bar", "dot"), (), None, ("corner",), ("bar", "corner", "dot")]  # None: nobody said


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project_of_marks(tmp_path_factory.mktemp("template")).root


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Project:
    """A copy of a project, which has its images where the first one has them."""
    return Project.open(Path(shutil.copytree(template, tmp_path / "labels")))


def _take(project: Project, *files: Path) -> Ingested:
    return ingest(Project.open(project.root), files)


def _file(project: Project, name: str, text: str) -> Path:
    path = project.root.parent / name
    path.write_text(text)
    return path


def _wide(project: Project, rows: list[str], header: str = "path,bar,corner,dot") -> Path:
    return _file(project, "wide.csv", "\n".join([header, *rows]) + "\n")


def _labels_csv(project: Project, labels: list[str], delimiter: str = ",") -> Path:
    table = project.root / "labels.csv"
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, label in zip(rows, labels, strict=False):
        row["label"] = label
    with table.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return table


def _in_labels_csv(project: Project) -> Path:
    cells = ["" if names is None else ";".join(names) or "None of them" for names in GIVEN]
    return _labels_csv(project, cells)


def _in_labels_csv_of_semicolons(project: Project) -> Path:
    cells = ["" if names is None else " | ".join(names) or "none of them" for names in GIVEN]
    return _labels_csv(project, cells, ";")


def _in_columns(project: Project) -> Path:
    rows = []
    for rayal_id, names in zip(project.rounds[0].ids, GIVEN, strict=True):
        path = project.pool[project.pool.position[rayal_id]].path
        cells = ["" if names is None else str(int(name in names)) for name in CLASSES]
        rows.append(",".join([path, "61", *cells]))
    return _wide(project, rows, "path,age,bar,corner,dot")


def _choices(names: tuple[str, ...]) -> list[str]:
    return list(names) or ["none of them"]


def _tasks(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((project.root / "label-studio.json").read_text())
    return found


def _in_label_studio_json(project: Project) -> Path:
    tasks = _tasks(project)
    for task, names in zip(tasks, GIVEN, strict=True):
        result = {"from_name": "choice", "to_name": "image", "type": "choices"}
        value = {"value": {"choices": _choices(names or ())}}
        task["annotations"] = [] if names is None else [
            {"result": [result | value], "completed_by": 1, "lead_time": 2.5}
        ]  # fmt: skip
    return _file(project, "export.json", json.dumps(tasks))


def _flat(project: Project, write: Callable[[list[str]], Any]) -> list[dict[str, Any]]:
    return [
        {**task["data"], "id": n, "annotation_id": n, "annotator": 1, "lead_time": 2.5,
         "choice": write(_choices(names))}
        for n, (task, names) in enumerate(zip(_tasks(project), GIVEN, strict=True), start=1)
        if names is not None
    ]  # fmt: skip


def _one_or_more(choices: list[str]) -> Any:
    """A choice as Label Studio's flat exports have it: text, or an object where there are more."""
    return choices[0] if len(choices) == 1 else {"choices": choices}


def _in_label_studio_json_min(project: Project) -> Path:
    return _file(project, "export.json", json.dumps(_flat(project, _one_or_more)))


def _in_label_studio_csv(project: Project) -> Path:
    rows = _flat(project, _one_or_more)
    path = project.root.parent / "export.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            choice = row["choice"]
            writer.writerow(
                {**row, "choice": choice if isinstance(choice, str) else json.dumps(choice)}
            )
    return path


def _in_cvat_xml(project: Project) -> Path:
    names = sorted(path.name for path in (project.root / "cvat" / "images").iterdir())
    images = "".join(
        f'<image id="{n}" name="images/{name}" width="16" height="16">'
        + "".join(
            f'<tag label="{tag}"></tag>' for tag in _choices(given or ()) if given is not None
        )
        + "</image>"
        for n, (name, given) in enumerate(zip(names, GIVEN, strict=True))
    )
    path = project.root.parent / "cvat.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("annotations.xml", f"<annotations>{images}</annotations>")
    return path


def _in_coco(project: Project) -> Path:
    """Every image with its boxes, two of one class where there is a bar."""
    kinds = [*CLASSES, "none of them"]
    boxes: list[dict[str, Any]] = []
    images = []
    for number, (rayal_id, names) in enumerate(zip(project.rounds[0].ids, GIVEN, strict=True)):
        path = project.pool[project.pool.position[rayal_id]].path
        images.append({"id": number, "file_name": path, "width": 16, "height": 16})
        given = [] if names is None else [*_choices(names), *(["bar"] * ("bar" in names))]
        boxes += [
            {"image_id": number, "category_id": 1 + kinds.index(name), "bbox": [0, 0, 2, 2]}
            for name in given
        ]
    categories = [{"id": n, "name": name} for n, name in enumerate(kinds, start=1)]
    content = {"images": images, "annotations": boxes, "categories": categories}
    return _file(project, "coco.json", json.dumps(content))


@pytest.mark.parametrize(
    "write",
    [
        _in_labels_csv, _in_labels_csv_of_semicolons, _in_columns, _in_label_studio_json,
        _in_label_studio_json_min, _in_label_studio_csv, _in_cvat_xml, _in_coco,
    ],
)  # fmt: skip
def test_each_format_brings_every_set_back_and_a_second_reading_nothing(
    project: Project, write: Callable[[Project], Path]
) -> None:
    file = write(project)
    done = _take(project, file)
    assert (done.labeled, done.refused, done.new_classes) == (4, [], [])
    ids = project.rounds[0].ids
    expected = {
        i: ClassSet(names) for i, names in zip(ids, GIVEN, strict=True) if names is not None
    }
    assert project.labels.labels() == expected
    again = _take(project, file)
    assert (again.labeled, again.known) == (0, 4)


def test_coco_serves_one_class_an_image_too(tmp_path: Path) -> None:
    project = select(folder_of(tmp_path / "cells", 5), budget=2).project
    content = {
        "images": [{"id": n, "file_name": f"00{n}.png"} for n in range(4)],
        "annotations": [
            {"image_id": n, "category_id": c} for n, c in ((0, 1), (1, 1), (1, 2), (2, 3))
        ],
        "categories": [
            {"id": n, "name": name} for n, name in ((1, "cat"), (2, "dog"), (3, "not usable"))
        ],
    }
    file = _file(project, "coco.json", json.dumps(content))
    done = _take(project, file)
    assert (done.labeled, done.not_usable) == (1, 1)
    assert done.refused == [
        "coco.json, image 001.png has several categories (cat, dog): one is needed"
    ]
    file.write_text('{"images": [], "annotations": [{"image_id": 3, "category_id": 1}], '
                    '"categories": [{"id": 1, "name": "cat"}]}')  # fmt: skip
    with pytest.raises(LabelingError, match="names 3 that is not there"):
        _take(project, file)
    file.write_text('{"tasks": []}')
    with pytest.raises(LabelingError, match=r"no list of tasks.* and no COCO"):
        _take(project, file)


def test_what_tools_are_given_lets_a_person_say_none_of_them(project: Project) -> None:
    config = (project.root / "label-studio.xml").read_text()
    assert 'choice="multiple"' in config
    assert config.count("<Choice ") == 4
    assert '<Choice value="none of them"/>' in config
    labels = json.loads((project.root / "cvat" / "labels.json").read_text())
    assert [one["name"] for one in labels] == [*CLASSES, "none of them", "not usable"]


def test_an_annotation_without_a_choice_is_no_answer(project: Project) -> None:
    tasks = _tasks(project)
    tasks[0]["annotations"] = [{"result": [], "completed_by": 1}]
    done = _take(project, _file(project, "export.json", json.dumps(tasks)))
    assert (done.labeled, done.skipped) == (0, 1)
    assert project.labels.labels() == {}


def test_not_usable_is_an_answer_of_its_own(project: Project) -> None:
    done = _take(project, _labels_csv(project, ["not usable", "not usable; bar"]))
    assert done.not_usable == 1
    assert list(project.labels.current().values()) == [NOT_USABLE]
    assert "does not go with a class, and it stands with" in done.refused[0]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("none of them; bar", "'none of them' does not go with a class, and it stands with 'bar'"),
        ("; |", "it names no class: write 'none of them'"),
    ],
)
def test_a_label_that_contradicts_itself_is_refused_by_its_line_and_others_are_taken(
    project: Project, label: str, message: str
) -> None:
    done = _take(project, _labels_csv(project, ["bar", label]))
    assert done.labeled == 1
    assert done.refused[0].startswith(f"labels.csv, line 3: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n000.png,bar\n001.png,bar;dots\n", r"line 3: 'dots' is no class.*'dot'\?"),
        ("path,label,bar\n000.png,bar,1\n", "a column 'label' and columns of classes \\(bar\\)"),
        ("path,bar,corner\n000.png,1,0\n", "no column for the class 'dot': that an image has not"),
        ("path,bar,corner,dot\n000.png,1,0,yes\n", "'dot' holds 0 or 1, and line 2 has 'yes'"),
        ("path,bar,corner,dot\n000.png,1,0,\n", "'dot' holds 0 or 1, and all of its cells are"),
        ("path,bar,corner,dot,sex\n000.png,1,0,0,1\n", "of 0 and 1 that is no class: 'sex'"),
    ],
)  # fmt: skip
def test_a_file_that_would_need_a_guess_is_refused_as_a_whole(
    project: Project, text: str, message: str
) -> None:
    with pytest.raises(LabelingError, match=message):
        _take(project, _in_labels_csv(project), _file(project, "mine.csv", text))
    assert project.labels.all() == ()


def test_a_row_with_some_columns_empty_is_refused_by_its_line(project: Project) -> None:
    done = _take(project, _wide(project, ["000.png,1,0,", "001.png,0,0,0", "002.png,,,"]))
    assert done.labeled == 1
    assert done.refused[0].startswith("wide.csv, line 2 has nothing for 'dot', and something for")
    assert list(project.labels.labels().values()) == [ClassSet(())]


def test_folders_of_classes_are_refused_with_what_to_use_instead(project: Project) -> None:
    folder_of(project.root.parent / "sorted" / "bar", 2)
    with pytest.raises(LabelingError, match=r"in which an image has one class.*use a table"):
        _take(project, project.root.parent / "sorted")


def test_columns_of_classes_are_refused_where_an_image_has_one_class(tmp_path: Path) -> None:
    project = select(folder_of(tmp_path / "cells", 5), budget=2).project
    with pytest.raises(LabelingError, match="an image of this project has one class"):
        _take(project, _wide(project, ["000.png,1,0,0"]))


def test_annotators_who_differ_in_one_class_are_a_conflict(project: Project) -> None:
    rows = ["000.png,bar,ann", "000.png,bar;dot,bob", "001.png,dot;bar,ann", "001.png,bar|dot,bob"]
    _take(project, _file(project, "mine.csv", "\n".join(["path,label,annotator", *rows])))
    assert list(project.labels.conflicts().values()) == [
        {"ann": ClassSet(("bar",)), "bob": ClassSet(("bar", "dot"))}
    ]
    assert list(project.labels.labels().values()) == [ClassSet(("bar", "dot"))]


def test_a_set_is_one_line_of_the_log_and_one_class_is_as_before(tmp_path: Path) -> None:
    log = LabelLog(tmp_path / "answers.jsonl")
    log.append(
        Answer("a", classes=("dot", "bar", "dot")), Answer("b", classes=()), Answer("c", "x")
    )
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [line.get("classes") for line in lines] == [["bar", "dot"], [], None]
    assert "classes" not in lines[2]
    assert LabelLog(log.path).labels() == {
        "a": class_set(["bar", "dot"]),
        "b": ClassSet(()),
        "c": "x",
    }
    with pytest.raises(ValueError, match="the action 'label' does not go with"):
        Answer("a", "x", classes=())
    with pytest.raises(ValueError, match="the action 'skip' does not go with"):
        Answer("a", action="skip", classes=())


@pytest.mark.parametrize("names", [(), ("mass",), ("a, b", "c")])
def test_a_set_as_text_is_read_back(names: tuple[str, ...]) -> None:
    assert split_classes([str(ClassSet(names))]) == ClassSet(names)
