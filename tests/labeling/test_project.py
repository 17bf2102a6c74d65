"""A project's folder: what it holds, what it refuses, and that nothing is lost."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rayal.labeling import selecting
from rayal.labeling.errors import LabelingError
from rayal.labeling.pictures import media_type
from rayal.labeling.pool import PoolImage, id_of_bytes, read_pool, write_pool
from rayal.labeling.project import Project
from rayal.labeling.rounds import Chosen, Round, write_round
from rayal.labeling.selecting import open_or_create
from rayal.labeling.settings import Settings, describe_source, write_settings
from rayal.labeling.spreadsheet import read_csv_rows, write_csv
from tests.labeling.images import folder_of, request, select


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "cells").mkdir()
    Image.new("RGB", (30, 20), "red").save(tmp_path / "cells" / "a.png")
    content = (tmp_path / "cells" / "a.png").read_bytes()
    source = describe_source("folder", str(tmp_path / "cells"), tmp_path / "labels")
    made = Project.create(tmp_path / "labels", Settings(source))
    write_pool(made.root / "pool.csv", [PoolImage(id_of_bytes(content), "a.png")])
    return made


def test_what_was_written_is_read_again(project: Project) -> None:
    made = Round(1, (Chosen(1, "img_1", "audit"), Chosen(2, "img_2")), {"name": "kmeans"})
    write_round(project.root / "rounds", made)
    again = Project.open(project.root)
    assert again.settings == project.settings
    assert again.rounds == [made]
    assert again.rounds[0].audit_ids == ("img_1",)


def test_a_thumbnail_fits_and_is_never_enlarged(project: Project) -> None:
    content = project.thumbnail(project.pool.ids[0], 15)
    (project.root / "t.png").write_bytes(content)
    assert media_type(content) == "image/png"
    with Image.open(project.root / "t.png") as shown:
        assert shown.size == (15, 10)


def test_a_project_moved_together_with_its_images_finds_them(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name in ("cells", "labels"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    moved = Project.open(tmp_path / "elsewhere" / "labels")
    assert moved.image_path(moved.pool.ids[0]).is_file()


def test_images_that_are_gone_are_named_with_the_way_out(project: Project, tmp_path: Path) -> None:
    (tmp_path / "cells").rename(tmp_path / "other")
    with pytest.raises(LabelingError, match=r"no longer at .*cells; .*--images"):
        _ = project.source


def test_a_folder_of_something_else_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(LabelingError, match="not empty and no labeling project"):
        Project.create(tmp_path, Settings(describe_source("folder", ".", tmp_path)))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_project_in_use_is_refused_by_the_name_of_who_uses_it(project: Project) -> None:
    other = Project.open(project.root)
    with (
        project.locked(),
        pytest.raises(LabelingError, match=f"in use by process {os.getpid()}"),
        other.locked(),
    ):
        raise AssertionError


def test_settings_that_another_command_wrote_meanwhile_are_not_gone_on_without(
    project: Project,
) -> None:
    write_settings(project.root / "project.json", replace(project.settings, seed=7))
    with (
        pytest.raises(LabelingError, match=r"project\.json was written by another command"),
        project.locked(),
    ):
        raise AssertionError


def test_commands_that_begin_at_once_make_one_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(folder_of(tmp_path / "cells", 3))
    first = open_or_create(asked, tmp_path / "out")
    with monkeypatch.context() as late:
        late.setattr(selecting, "is_project", lambda root: False)  # as it was a moment before
        second = open_or_create(asked, tmp_path / "out")
    assert first.settings == second.settings


def test_other_options_are_not_written_into_a_project_that_another_command_makes(
    tmp_path: Path,
) -> None:
    images = folder_of(tmp_path / "cells", 3)
    made = open_or_create(request(images), tmp_path / "out")
    with made.locked(), pytest.raises(LabelingError, match="in use by process"):
        open_or_create(request(images, seed=7), tmp_path / "out")
    assert Project.open(made.root).settings == made.settings


def test_a_folder_in_which_a_project_was_begun_is_taken(tmp_path: Path) -> None:
    """What a kill leaves right after the folder was made."""
    (tmp_path / "out").mkdir()
    for name in (".lock", "..rayal-labels.0123abcd.tmp"):
        (tmp_path / "out" / name).write_text("x")
    assert select(folder_of(tmp_path / "cells", 3), 2, out=tmp_path / "out").round.number == 1
    assert not list((tmp_path / "out").glob("*.tmp"))


def test_a_round_that_is_missing_is_said(project: Project) -> None:
    write_round(project.root / "rounds", Round(2, ()))
    with pytest.raises(LabelingError, match=r"rounds \[2\]: one is missing"):
        _ = project.rounds


@pytest.mark.parametrize("name", ["=1+1.png", "-a.png", "@x.png", "'=q.png", "a\nb.png", "+.png"])
def test_no_name_is_a_formula_and_all_come_back(name: str, tmp_path: Path) -> None:
    image = PoolImage(id_of_bytes(b""), name, group=name)
    write_pool(tmp_path / "pool.csv", [image])
    assert read_pool(tmp_path / "pool.csv")[0] == image
    text = (tmp_path / "pool.csv").read_text(encoding="utf-8-sig")
    cells = text.partition("\n")[2].replace('"', "").split(",")
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", ["score", "label"], [{"score": -0.5, "label": "-"}])
    assert read_csv_rows(tmp_path / "t.csv") == [{"score": "-0.5", "label": "-"}]


def test_ids_do_not_depend_on_a_file_s_name() -> None:
    assert id_of_bytes(b"abc") == id_of_bytes(bytes(np.frombuffer(b"abc", np.uint8)))
    assert id_of_bytes(b"abc") != id_of_bytes(b"abd")
