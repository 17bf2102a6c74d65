"""What a round chooses: the budget, nothing twice, groups, duplicates, files that are there."""

import csv
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rayal.labeling import encoded_blocks
from rayal.labeling.answers import Answer
from rayal.labeling.answers_so_far import answers_so_far
from rayal.labeling.errors import LabelingError
from rayal.labeling.project import Project
from rayal.labeling.query import Query
from rayal.labeling.selecting import Selected, first_round, next_round, open_or_create
from rayal.labeling.spreadsheet import read_csv_rows
from tests.labeling.images import folder_of, picture, project_of, request, select


def _next(project: Project, budget: int = 4, audit: int = 0) -> Selected:
    return next_round(Project.open(project.root), budget, audit, lambda line: None)


def test_a_folder_gives_files_for_people_and_tools(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    there = {path.name for path in project.root.iterdir()}
    assert there >= {
        "selection.csv", "contact-sheet.html", "label-studio.json", "label-studio.xml", "cvat",
        "fiftyone.csv", "labels.csv", "pool.csv", "left_out.csv", "features.npy",
    }  # fmt: skip
    rows = read_csv_rows(project.root / "selection.csv")
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert len({row["rayal_id"] for row in rows}) == 5
    assert all((tmp_path / "cells" / row["path"]).is_file() for row in rows)
    assert all(row["reason"] for row in rows)
    assert {(row["predicted"], row["confidence"]) for row in rows} == {("", "")}  # no labels yet


def test_fiftyone_finds_the_column_of_paths_which_a_mark_would_hide(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    with (project.root / "fiftyone.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))  # as its importer reads: a mark is part of the first name
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert all(Path(row["filepath"]).is_file() for row in rows)


def test_a_folder_of_one_image_is_enough(tmp_path: Path) -> None:
    made = select(folder_of(tmp_path / "cells", 1), budget=3).round
    assert len(made.chosen) == 1
    assert made.notes == ("3 images were asked for, and 1 are left to choose",)


def test_the_same_seed_gives_the_same_choice(tmp_path: Path) -> None:
    first = project_of(tmp_path / "a").rounds[0].ids
    assert project_of(tmp_path / "b").rounds[0].ids == first
    other = folder_of(tmp_path / "c" / "cells", 12)
    assert select(other, seed=1).round.ids != first


def test_the_same_command_again_chooses_nothing_again(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    again = select(tmp_path / "cells")
    assert not again.is_new
    assert len(again.project.rounds) == 1
    assert again.round == project.rounds[0]


def test_other_choices_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    project_of(tmp_path)
    with pytest.raises(LabelingError, match=r"another seed \(0, now 3\).*--out"):
        select(tmp_path / "cells", seed=3)


def test_parameters_that_exclude_one_another_are_refused_before_there_are_labels(
    tmp_path: Path,
) -> None:
    both = {"name": "maxherding", "collapse": 0.98, "class_balanced": {"lambda": 1.0}}
    with pytest.raises(LabelingError, match="class_balanced and collapse are different ways"):
        project_of(tmp_path, strategy=both)


def test_rounds_never_repeat_an_image(tmp_path: Path) -> None:
    project = project_of(tmp_path, count=20, budget=5)
    for _ in range(3):
        _next(project, 5)
    chosen = [rayal_id for made in project.rounds for rayal_id in made.ids]
    assert len(chosen) == len(set(chosen)) == 20
    with pytest.raises(LabelingError, match="no image is left to choose of 20"):
        _next(project)
    assert len(project.rounds) == 4


def test_labels_are_used_and_said(tmp_path: Path) -> None:
    project = project_of(tmp_path, count=20, budget=6)
    ids = project.rounds[0].ids
    project.labels.append(*(Answer(one, "ab"[n % 2]) for n, one in enumerate(ids)))
    made = _next(project).round
    assert made.labels == 6
    assert {one.predicted for one in made.chosen} <= {"a", "b"}
    assert all(one.nearest_labeled in ids for one in made.chosen)


def test_images_with_an_answer_of_any_kind_are_not_chosen(tmp_path: Path) -> None:
    project = project_of(tmp_path, count=12, budget=2)
    rest = [one for one in project.pool.ids if one not in project.rounds[0].ids]
    project.labels.append(Answer(rest[0], "a"), Answer(rest[1], None, "not_usable"))
    made = _next(project, 10).round
    assert len(made.chosen) == 8
    assert not set(made.ids) & set(rest[:2])


def test_the_audit_sample_comes_first_and_trains_nothing(tmp_path: Path) -> None:
    project = select(folder_of(tmp_path / "cells", 20), budget=5, audit=6).project
    made = project.rounds[0]
    assert [one.purpose for one in made.chosen] == ["audit"] * 6 + ["selection"] * 5
    project.labels.append(*(Answer(one, "ab"[n % 2]) for n, one in enumerate(made.audit_ids)))
    assert _next(project).round.labels == 0


def test_copies_are_bought_once(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 10)
    for copy in range(4):
        for number in range(10):
            content = (cells / f"{number:03d}.png").read_bytes()
            (cells / f"copy{copy}_{number}.png").write_bytes(content)
    selected = select(cells, budget=20)
    assert len(selected.round.chosen) == 10
    copies = [one for one in selected.project.left_out if one.rayal_id]
    assert len(copies) == 40
    assert all(one.reason.startswith("the same bytes as") for one in copies)


def test_near_duplicates_are_bought_once(tmp_path: Path) -> None:
    cells = tmp_path / "cells"
    cells.mkdir()
    rng = np.random.default_rng(0)
    for number in range(8):
        pixels = np.asarray(picture(number, 32).resize((48, 48))).astype(int)
        for copy in range(5):
            noise = rng.integers(-2, 3, pixels.shape)
            Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(
                cells / f"{number}_{copy}.png"
            )
    selected = select(cells, budget=20)
    pool = selected.project.pool
    assert sum(bool(image.duplicate_of) for image in pool) == 32
    names = [pool[pool.position[one]].path[0] for one in selected.round.ids]
    assert sorted(names) == [str(number) for number in range(8)]


def test_at_most_m_images_of_a_group_are_chosen(tmp_path: Path) -> None:
    cells = tmp_path / "cells"
    for patient in range(6):
        folder_of(cells, 5, f"p{patient}_{{}}.png", first=100 * patient)
    chosen = select(cells, budget=6, per_group=1, group_pattern=r"^(p\d)_")
    pool = chosen.project.pool
    groups = Counter(pool[pool.position[one]].group for one in chosen.round.ids)
    assert groups == {f"p{patient}": 1 for patient in range(6)}
    later = _next(chosen.project, 9).round
    assert later.notes == (
        "9 images were asked for, and 6 are left to choose with at most 1 of a group",
    )


def test_a_file_that_has_gone_is_said_and_another_is_chosen(tmp_path: Path) -> None:
    project = project_of(tmp_path, count=12, budget=2)
    rest = [one for one in project.pool.ids if one not in project.rounds[0].ids]
    project.image_path(rest[0]).unlink()
    picture(999).save(project.image_path(rest[1]))
    made = _next(project, 10).round
    assert not set(made.ids) & set(rest[:2])
    assert len(made.chosen) == 8
    assert any("has gone" in note for note in made.notes)
    assert any("has changed since it was read" in note for note in made.notes)


def test_a_file_that_was_only_touched_is_what_it_was(tmp_path: Path) -> None:
    project = project_of(tmp_path, count=6, budget=2)
    for rayal_id in project.pool.ids:
        os.utime(project.image_path(rayal_id), (1, 1))
    assert len(_next(project, 4).round.chosen) == 4


def test_labels_written_into_the_table_and_not_read_are_not_lost(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    table = project.root / "labels.csv"
    lines = table.read_text(encoding="utf-8-sig").splitlines()
    lines[1] = lines[1].replace(",,", ",cat,", 1)
    table.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(LabelingError, match=r"has 1 label that was not imported: rayal ingest"):
        _next(project)
    assert "cat" in table.read_text()


@pytest.mark.slow
def test_a_round_whose_files_were_not_finished_is_finished_first(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    (project.root / "published.json").unlink()
    (project.root / "contact-sheet.html").unlink()
    went_on = _next(project)
    assert went_on.round.number == 1
    assert (project.root / "contact-sheet.html").is_file()
    assert _next(project).round.number == 2


def test_blocks_that_were_described_are_not_described_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = folder_of(tmp_path / "cells", 9)
    monkeypatch.setattr("rayal.labeling.encoding.BLOCK", 3)
    calls = []
    whole = encoded_blocks._make_block

    def stopping(job: object, images: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(job, images)

    monkeypatch.setattr(encoded_blocks, "_make_block", stopping)
    root = tmp_path / "cells-labels"
    with pytest.raises(KeyboardInterrupt):
        first_round(open_or_create(request(cells), root), 4, 0, lambda line: None)
    project = open_or_create(request(cells), root)
    assert len(first_round(project, 4, 0, lambda line: None).round.chosen) == 4
    assert len(calls) == 4
    assert not (root / ".work").exists()


def test_an_encoder_that_trains_is_refused_where_the_disk_has_no_room_for_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = folder_of(tmp_path / "cells", 4)
    full = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    project = open_or_create(request(cells, encoder={"name": "moco"}), tmp_path / "labels")
    with pytest.raises(LabelingError, match="make the project on another disk"):
        first_round(project, 2, 0, lambda line: None)


def test_no_name_of_a_file_is_code_in_the_page(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 3, "<script>alert({})&.png")
    project = select(cells, budget=3).project
    page = (project.root / "contact-sheet.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_names_with_blanks_newlines_and_accents_come_through(tmp_path: Path) -> None:
    cells = tmp_path / "cells"
    cells.mkdir()
    names = ["a b.png", "line\nbreak.png", "e\u0301.png", "\u00e9.png", "=1+1.png", "50% #?.png"]
    for number, name in enumerate(names):
        picture(number).save(cells / name)
    project = select(cells, budget=6).project
    rows = read_csv_rows(project.root / "selection.csv")
    assert sorted(row["path"] for row in rows) == sorted(names)
    tasks = json.loads((project.root / "label-studio.json").read_text())
    assert sorted(task["data"]["path"] for task in tasks) == sorted(names)
    assert len(list((project.root / "cvat" / "images").iterdir())) == 6


def test_the_strategy_is_told_that_features_are_bare_pixels_and_not_of_those_in_a_file(
    tmp_path: Path,
) -> None:
    project = project_of(tmp_path)
    assert Query.of(project, answers_so_far(project), 2).bare_pixels
    features = np.eye(6, dtype=np.float32)
    np.savez(tmp_path / "own.npz", features=features, ids=[f"{row}.png" for row in range(6)])
    of_file = select(tmp_path / "own.npz", encoder=None).project
    assert not Query.of(of_file, answers_so_far(of_file), 2).bare_pixels
