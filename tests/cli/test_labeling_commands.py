"""`rayal select` and `rayal ingest` as a person types them: what they print and return."""

import json
from pathlib import Path

import pytest

from rayal.cli.main import main
from rayal.labeling.project import Project
from tests.labeling.images import folder_of


@pytest.fixture(autouse=True)
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return folder_of(tmp_path / "cells", 8)


def _select(*more: str) -> int:
    return main(["select", "cells", "--budget", "3", "--encoder", "pixels", *more])


def test_from_a_folder_to_the_next_round(capsys: pytest.CaptureFixture[str]) -> None:
    assert _select() == 0
    shown = capsys.readouterr().out
    assert "Round 1: 3 images, chosen by" in shown
    assert "rayal label cells-labels" in shown
    assert "rayal ingest cells-labels EXPORT" in shown
    tasks = json.loads(Path("cells-labels/label-studio.json").read_text())
    for task, label in zip(tasks, ["cat", "dog", "cat"], strict=True):
        task["annotations"] = [{"result": [{"value": {"choices": [label]}}], "completed_by": 1}]
    Path("export.json").write_text(json.dumps(tasks))
    assert main(["ingest", "cells-labels", "export.json"]) == 0
    shown = capsys.readouterr().out
    assert "3 labels taken" in shown
    assert "New classes: cat, dog" in shown
    assert "no answer yet" not in shown
    assert main(["select", "cells-labels", "--budget", "2"]) == 0
    assert "Round 2: 2 images" in capsys.readouterr().out
    assert [len(made.chosen) for made in Project.open(Path("cells-labels")).rounds] == [3, 2]


def test_images_without_a_group_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert _select("--group-pattern", "^(00[0-2])") == 0
    assert "8 images of 3 groups and 5 without a group; " in capsys.readouterr().out


def test_what_was_not_taken_is_named_and_is_the_exit_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _select()
    Path("mine.csv").write_text(
        "path,label,annotator\n000.png,cat,ann\n000.png,dog,bob\nx.png,dog,\n"
    )
    assert main(["ingest", "cells-labels", "mine.csv"]) == 1
    shown = capsys.readouterr().out
    assert "2 labels taken" in shown
    assert "not taken: mine.csv, line 4: there is no image 'x.png'" in shown
    assert "annotators differ on 000.png (ann: cat, bob: dog): it counts for nothing" in shown


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["select", "nowhere"], "there is no folder and no file nowhere"),
        (["select", "cells", "--budget", "-1"], "--budget -1 is out of bounds: 0 up"),
        (["select", "cells", "--budget", "0"], "ask for nothing"),
        (["select", "cells", "--per-group", "0"], "--per-group 0 is out of bounds"),
        (["select", "cells", "--group", "patient"], "a folder, which has no columns"),
        (["select", "cells", "--encoder", "pixel"], "did you mean 'pixels'"),
        (["select", "cells", "--strategy", "kmean"], "did you mean 'kmeans'"),
        (["select", "cells", "--set", "encoder"], "--set encoder is not understood"),
        (["select", "cells", "--set", "strategy.k=3"], "name the strategy too"),
        (["select", "cells", "--images-moved-to", "x"], "is of a project, and cells is none"),
        (["select", "cells", "--group-pattern", "("], "is no regular expression"),
        (["select", "cells", "--group-pattern", "(x+)"], "'(x+)' fits none of "),
        (["select", "cells", "--per-group", "1"], "at most 1 of a group were asked for, and no"),
        (["select", "cells", "--out", "cells"], "is not empty and no labeling project"),
        (["ingest", "cells", "x.json"], "cells is not a labeling project"),
    ],
)
def test_what_cannot_be_done_is_one_message(
    given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = ["--encoder", "pixels"] if given[0] == "select" and "--encoder" not in given else []
    assert main([*given, *encoder]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_choices_of_a_project_are_not_changed_in_silence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _select()
    assert main(["select", "cells-labels", "--strategy", "random"]) == 2
    assert "--strategy is chosen once" in capsys.readouterr().err


def test_images_that_moved_are_found_where_they_are_said_to_be(tmp_path: Path) -> None:
    _select()
    (tmp_path / "cells").rename(tmp_path / "elsewhere")
    assert main(["select", "cells-labels", "--budget", "2"]) == 2
    moved = ["--images-moved-to", "elsewhere"]
    assert main(["select", "cells-labels", "--budget", "2", *moved]) == 0


def test_a_folder_of_other_images_is_not_taken_for_the_one_that_moved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _select()
    (tmp_path / "cells").rename(tmp_path / "elsewhere")
    folder_of(tmp_path / "others", 6, first=900)
    before = Path("cells-labels/project.json").read_bytes()
    moved = ["--images-moved-to", "others"]
    assert main(["select", "cells-labels", "--budget", "2", *moved]) == 2
    assert "others has no 000.png as it was read" in capsys.readouterr().err
    assert Path("cells-labels/project.json").read_bytes() == before
    assert main(["select", "cells-labels", "--budget", "2"]) == 2
    assert "rayal select cells-labels --images-moved-to PATH" in capsys.readouterr().err


def test_the_same_images_typed_otherwise_are_the_same_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _select()
    for typed in ("cells/", "./cells", str(tmp_path / "cells")):
        command = ["select", typed, "--budget", "3", "--encoder", "pixels"]
        assert main([*command, "--out", "cells-labels"]) == 0
        assert "Round 1 is there already" in capsys.readouterr().out


def test_a_table_with_a_line_that_cannot_be_imported_says_the_way_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _select()
    table = Path("cells-labels/labels.csv")
    first, *rows = table.read_text().splitlines()
    place = first.split(",").index("label")
    cells = rows[0].split(",")
    cells[place] = "cat"
    wrong = ["absent.png" if name == "path" else "" if name.endswith("rayal_id") else cell
             for name, cell in zip(first.split(","), cells, strict=True)]  # fmt: skip
    table.write_text("\n".join([first, ",".join(wrong), *rows[1:], ""]))
    assert main(["ingest", "cells-labels", str(table)]) != 0
    assert "3 chosen images have no answer yet" in capsys.readouterr().out
    assert main(["select", "cells-labels", "--budget", "2"]) == 2
    assert "correct the lines that it does not take; or delete the file" in capsys.readouterr().err
    table.unlink()
    assert main(["select", "cells-labels", "--budget", "2"]) == 0
