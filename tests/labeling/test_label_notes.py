"""What a person should know of the labels of a project."""

from pathlib import Path

import pytest

from rayal.cli.main import main
from rayal.labeling.answers import Answer
from rayal.labeling.label_notes import notes_of_duplicates, notes_of_strangers
from rayal.labeling.project import Project
from rayal.labeling.selecting import next_round
from tests.labeling.images import folder_of, picture, project_of, select


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with two pictures that differ in one pixel."""
    images = folder_of(tmp_path / "cells", 8)
    twin = picture(0)
    twin.putpixel((0, 0), (1, 2, 3))
    twin.save(images / "twin.png")
    return select(images, 3).project


def label(project: Project, labels: dict[str, str]) -> None:
    ids = dict(zip(project.pool.paths, project.pool.ids, strict=True))
    project.labels.append(*(Answer(ids[path], name) for path, name in labels.items()))


def test_near_duplicates_that_are_labeled_differently_are_named(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    label(project, {"000.png": "cat", "001.png": "dog"})
    assert notes_of_duplicates(project) == []
    label(project, {"twin.png": "cat"})
    assert notes_of_duplicates(project) == []
    table = project.root.parent / "t.csv"
    table.write_text("path,label\ntwin.png,dog\n")
    assert main(["ingest", str(project.root), str(table)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1 image is labeled otherwise than its near-duplicate, such as twin.png ('dog')" in said
    assert "of these in place of an earlier answer" in said


def test_answers_of_images_that_the_project_does_not_have_are_counted(tmp_path: Path) -> None:
    project = project_of(tmp_path, count=8, budget=2)
    assert notes_of_strangers(project) == []
    project.labels.append(Answer("img_00000000000000000000", "cat"))
    said: list[str] = []
    next_round(project, 2, 0, said.append)
    assert any("1 image has an answer in answers.jsonl and is not in pool.csv" in s for s in said)
