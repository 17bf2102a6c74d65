"""What a file says twice of an image, or by two columns of one name: refused, not guessed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rayal.labeling.errors import LabelingError
from rayal.labeling.ingest import Ingested, ingest
from rayal.labeling.project import Project
from tests.labeling.images import project_of

CLASSES = ("eff", "mass")
Writer = Callable[[Path, list[tuple[str, str]]], Path]


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Project]:
    made = {}
    for several in (False, True):
        place = tmp_path_factory.mktemp("template")
        made[several] = project_of(place, 8, 4, classes=CLASSES, multilabel=several)
    return made


@pytest.fixture(params=[False, True], ids=["one class", "several classes"])
def project(
    templates: dict[bool, Project], tmp_path: Path, request: pytest.FixtureRequest
) -> Project:
    root = shutil.copytree(templates[request.param].root, tmp_path / "labels", symlinks=True)
    return Project.open(Path(root))


def _csv(place: Path, answers: list[tuple[str, str]]) -> Path:
    path = place / "said.csv"
    path.write_text("rayal_id,label\n" + "".join(f"{i},{label}\n" for i, label in answers))
    return path


def _cvat(place: Path, answers: list[tuple[str, str]]) -> Path:
    images = "".join(f'<image name="1__{i}__x.png"><tag label="{c}"/></image>' for i, c in answers)
    path = place / "said.xml"
    path.write_text(f"<?xml version='1.0'?><annotations>{images}</annotations>")
    return path


def _coco_content(answers: list[tuple[str, str]]) -> dict[str, list[dict[str, object]]]:
    return {
        "images": [{"id": n, "file_name": f"{i}.png"} for n, (i, _) in enumerate(answers)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(CLASSES)],
        "annotations": [
            {"id": n, "image_id": n, "category_id": CLASSES.index(c)}
            for n, (_, c) in enumerate(answers)
        ],
    }


def _coco(place: Path, answers: list[tuple[str, str]]) -> Path:
    path = place / "said.json"
    path.write_text(json.dumps(_coco_content(answers)))
    return path


def _label_studio(place: Path, answers: list[tuple[str, str]]) -> Path:
    def annotation(label: str) -> dict[str, object]:
        return {"completed_by": 1, "result": [{"value": {"choices": [label]}}]}

    tasks = [{"data": {"rayal_id": i}, "annotations": [annotation(c)]} for i, c in answers]
    path = place / "said.json"
    path.write_text(json.dumps(tasks))
    return path


def _take(project: Project, file: Path) -> Ingested:
    return ingest(Project.open(project.root), [file])


@pytest.mark.parametrize("write", [_csv, _cvat, _coco, _label_studio])
def test_a_file_that_says_two_things_of_an_image_is_believed_in_neither(
    project: Project, tmp_path: Path, write: Writer
) -> None:
    twice, once, same, _ = project.rounds[0].ids
    answers = [(twice, "eff"), (once, "mass"), (twice, "mass"), (same, "eff"), (same, "eff")]
    done = _take(project, write(tmp_path, answers))
    assert (done.labeled, done.known) == (2, 1)
    assert set(project.labels.current()) == {once, same}
    (reason,) = done.refused
    assert "says 'mass'" in reason
    assert "says 'eff'" in reason
    assert "keep the right one" in reason


def test_two_people_who_differ_in_a_file_are_two_answers(project: Project, tmp_path: Path) -> None:
    rayal_id = project.rounds[0].ids[0]
    path = tmp_path / "said.csv"
    path.write_text(f"rayal_id,label,annotator\n{rayal_id},eff,ann\n{rayal_id},mass,bob\n")
    assert _take(project, path).labeled == 2


@pytest.mark.parametrize("header", ["rayal_id,label,label", "rayal_id,rayal_id,label"])
def test_two_columns_of_one_name_are_refused(project: Project, tmp_path: Path, header: str) -> None:
    first, second, *_ = project.rounds[0].ids
    path = tmp_path / "said.csv"
    path.write_text(f"{header}\n{first},{second},eff\n")
    with pytest.raises(LabelingError, match=r"has 2 columns '(label|rayal_id)', the \d and \d"):
        _take(project, path)


def test_two_columns_of_one_class_are_refused(
    templates: dict[bool, Project], tmp_path: Path
) -> None:
    path = tmp_path / "said.csv"
    path.write_text(f"rayal_id,eff,mass,eff\n{templates[True].rounds[0].ids[0]},1,0,0\n")
    with pytest.raises(LabelingError, match="has 2 columns 'eff', the 2 and 4"):
        _take(templates[True], path)


@pytest.mark.parametrize("part", ["images", "categories"])
def test_coco_with_an_id_twice_is_refused(project: Project, tmp_path: Path, part: str) -> None:
    content = _coco_content([(i, "eff") for i in project.rounds[0].ids[:2]])
    content[part][1]["id"] = content[part][0]["id"]
    path = tmp_path / "said.json"
    path.write_text(json.dumps(content))
    with pytest.raises(LabelingError, match=f"1 ids of its {part} stand there several times"):
        _take(project, path)


def test_json_with_a_byte_order_mark_is_read(project: Project, tmp_path: Path) -> None:
    for write in (_coco, _label_studio):
        path = write(tmp_path, [(project.rounds[0].ids[0], "eff")])
        path.write_text(path.read_text(), encoding="utf-8-sig")
        assert not _take(project, path).refused


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"images": null, "annotations": [], "categories": []}',
        '[{"annotations": [1]}]',
        '[{"annotations": [{"result": null}]}]',
        '{"images": [], "annotations": [1], "categories": []}',
    ],
    ids=["deep", "no images", "no annotation", "no result", "no annotations"],
)
def test_json_of_another_form_is_refused_by_its_name(
    project: Project, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "said.json"
    path.write_text(text)
    with pytest.raises(LabelingError, match=r"said\.json.*export it again"):
        _take(project, path)
