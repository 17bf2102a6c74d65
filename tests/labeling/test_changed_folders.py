"""Images that are added, renamed or replaced after a project read them, or while it reads them."""

import csv
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from rayal.cli import predict as predict_command
from rayal.labeling import encoded_blocks, reading
from rayal.labeling.added_files import note_of_added
from rayal.labeling.answers import Answer
from rayal.labeling.ingest import ingest
from rayal.labeling.predicting import predict
from rayal.labeling.project import Project
from rayal.labeling.selecting import next_round
from tests.labeling.images import folder_of, picture, project_of, select


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = project_of(tmp_path, count=12, budget=4)
    made.labels.append(*(Answer(i, "ab"[n % 2]) for n, i in enumerate(made.rounds[0].ids)))
    return made


def unlabeled(project: Project) -> list[str]:
    labeled = project.labels.labels()
    return [image.path for image in project.pool if image.rayal_id not in labeled]


def flags(project: Project) -> dict[str, str]:
    with (project.root / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["path"]: row["flag"] for row in csv.DictReader(file)}


def test_a_prediction_of_a_file_that_was_replaced_says_so(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    replaced, touched, gone, *others = unlabeled(project)
    picture(999).save(project.source / replaced)
    os.utime(project.source / touched)
    (project.source / gone).unlink()
    assert predict_command.main([str(project.root)]) == 0
    found = flags(project)
    assert "the file has changed since it was read" in found[replaced]
    assert "the file has gone" in found[gone]
    assert all("the file" not in found[path] for path in (touched, *others))
    said = capsys.readouterr().out
    assert "1 have a file that has changed since it was read" in said
    assert "1 have a file that has gone or cannot be read any more" in said


@pytest.fixture
def alike(tmp_path: Path) -> Project:
    """A project of images of one size and time, as an archive holds them."""
    images = folder_of(tmp_path / "cells", 8, "{:03d}.bmp")
    for path in images.iterdir():
        os.utime(path, ns=(10**18, 10**18))
    return select(images, 4).project


def exchange(project: Project, one: str, other: str) -> None:
    """Give two files each other's name."""
    place = project.source / "kept"
    (project.source / one).rename(place)
    (project.source / other).rename(project.source / one)
    place.rename(project.source / other)


def test_labels_by_path_of_files_of_one_size_and_time_that_were_exchanged_are_refused(
    alike: Project, tmp_path: Path
) -> None:
    one, other, same, _ = (alike.pool[alike.pool.position[i]].path for i in alike.rounds[0].ids)
    exchange(alike, one, other)
    (tmp_path / "t.csv").write_text(f"path,label\n{one},a\n{other},b\n{same},a\n")
    done = ingest(Project.open(alike.root), [tmp_path / "t.csv"])
    assert (done.labeled, len(done.refused)) == (1, 2)
    assert f"the file {one} has changed since it was read" in done.refused[0]


def test_predictions_of_files_that_were_exchanged_say_so_and_no_round_chooses_them(
    alike: Project,
) -> None:
    alike.labels.append(*(Answer(i, "ab"[n % 2]) for n, i in enumerate(alike.rounds[0].ids)))
    one, other, *rest = unlabeled(alike)
    exchange(alike, one, other)
    predict(alike, alike.labels)
    found = flags(alike)
    assert [path for path in found if "has changed" in found[path]] == [one, other]
    made = next_round(Project.open(alike.root), 4, 0, lambda line: None).round
    assert {alike.pool[alike.pool.position[i]].path for i in made.ids} == set(rest)


def test_files_that_were_moved_and_put_back_are_those_that_were_read(alike: Project) -> None:
    alike.labels.append(*(Answer(i, "ab"[n % 2]) for n, i in enumerate(alike.rounds[0].ids)))
    one, other, *_ = unlabeled(alike)
    exchange(alike, one, other)
    exchange(alike, one, other)
    predict(alike, alike.labels)
    assert not any("the file" in flag for flag in flags(alike).values())


def test_files_that_were_added_are_said_with_the_next_round_and_the_predictions(
    project: Project,
) -> None:
    assert note_of_added(project) == []
    folder_of(project.source / "new", 2, first=500)
    said: list[str] = []
    next_round(Project.open(project.root), 2, 0, said.append)
    assert any("2 files are not of this project, such as new/000.png" in line for line in said)
    [note] = predict(project, project.labels).added
    assert "neither chosen nor predicted" in note


def test_files_that_were_left_out_are_not_said_to_be_added(tmp_path: Path) -> None:
    images = folder_of(tmp_path / "cells", 6)
    shutil.copy(images / "000.png", images / "copy.png")
    (images / "empty.png").touch()
    assert note_of_added(select(images, 2).project) == []


def test_without_its_images_a_project_says_nothing_of_added_ones(project: Project) -> None:
    project.source.rename(project.source.with_name("elsewhere"))
    assert note_of_added(Project.open(project.root)) == []
    assert predict(Project.open(project.root), project.labels).images == 8


def test_a_project_among_the_images_is_none_of_them(tmp_path: Path) -> None:
    images = folder_of(tmp_path / "cells", 6, "{:03d}.tif")
    first = select(images, 2, out=images / "cells-labels").project
    assert list((images / "cells-labels").rglob("*.png"))  # previews
    assert note_of_added(first) == []
    other = select(images, 2, out=tmp_path / "other").project
    assert {image.path for image in other.pool} == {f"{n:03d}.tif" for n in range(6)}
    assert any(
        file.reason == "in the folder of a labeling project or run of rayal"
        for file in other.left_out
    )


def test_a_file_that_is_replaced_before_it_is_described_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = folder_of(tmp_path / "cells", 6)
    real = encoded_blocks.read_square

    def replaced_first(path: Path, *more: Any) -> Any:
        if path.name == "003.png":
            picture(999).save(path)
        return real(path, *more)

    monkeypatch.setattr(encoded_blocks, "read_square", replaced_first)
    project = select(images, 2).project
    assert "003.png" not in project.pool.paths
    assert [file.reason for file in project.left_out] == ["it has changed since it was read"]


def test_a_file_that_grows_while_it_is_read_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = folder_of(tmp_path / "cells", 6)
    real = reading.read_facts

    def growing(path: Path) -> Any:
        if path.name == "003.png":
            with path.open("ab") as file:
                file.write(b"more")
        return real(path)

    monkeypatch.setattr(reading, "read_facts", growing)
    project = select(images, 2).project
    [file] = project.left_out
    assert (file.path, file.reason.partition(":")[0]) == ("003.png", "it changed while it was read")
