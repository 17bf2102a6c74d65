"""rayal.Pool: the commands' objects in a notebook."""

from pathlib import Path
from typing import Any

import pytest

import rayal
from rayal.cli.main import main
from rayal.labeling.errors import LabelingError
from tests.labeling.images import folder_of


@pytest.mark.slow
def test_rounds_labels_and_tables_in_a_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / "cells", 12)
    pool = rayal.Pool.from_folder("cells", encoder="pixels", seed=2)
    assert "not read yet" in repr(pool)
    first = pool.select(4)
    assert len(first) == 4
    assert first.paths == list(pool.selection["path"])
    pool.label({path: "ab"[n % 2] for n, path in enumerate(first.paths)}, by="ann")
    assert pool.images["label"].notna().sum() == 4
    again = rayal.Pool.open("cells-labels")
    second = again.select(3)
    assert not set(second.paths) & set(first.paths)
    assert second.round.labels == 4
    assert repr(again) == "Pool of 12 images, 2 rounds, 4 labels, in cells-labels"


@pytest.mark.slow
def test_report_and_predictions_in_a_notebook(tmp_path: Path) -> None:
    folder_of(tmp_path / "cells", 12)
    pool = rayal.Pool.from_folder(tmp_path / "cells", tmp_path / "out", encoder="pixels")
    pool.select(4)
    pool.label({path: "ab"[n % 2] + "<" for n, path in enumerate(pool.selection["path"])})
    found = pool.report()
    assert found.labels == 4
    assert "4 of 12 images have a label" in found._repr_html_()
    table = pool.predict()
    assert len(table) == 8
    assert set(table["class"]) <= {"a<", "b<"}
    assert table["probability"].between(0.5, 1).all()


def test_a_round_is_shown_by_its_pictures(tmp_path: Path) -> None:
    folder_of(tmp_path / "cells", 3, "<b>{}.png")
    pool = rayal.Pool.from_folder(tmp_path / "cells", tmp_path / "out", encoder="pixels")
    pool.select(2)
    page = pool._repr_html_()
    assert page.count('<img src="data:image/png;base64,') == 2
    assert "<b>" not in page


@pytest.mark.parametrize("name", ["cells", "cells.v1.2", ".hidden"])
def test_a_notebook_and_the_command_make_the_same_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / name, 3)
    assert main(["select", name, "--budget", "2", "--encoder", "pixels"]) == 0
    pool = rayal.Pool.from_folder(name, encoder="pixels")
    assert len(pool.selection) == 2


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"per_group": 0, "group_pattern": "(.)"}, "per_group=0 is out of bounds: 1 up"),
        ({"per_group": 1.5, "group_pattern": "(.)"}, "per_group"),
        ({"seed": -1}, "seed=-1 is out of bounds: 0 up"),
    ],
)
def test_numbers_that_choose_nothing_are_refused(
    choice: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder_of(tmp_path / "cells", 3)
    with pytest.raises(LabelingError, match=message):
        rayal.Pool.from_folder(tmp_path / "cells", tmp_path / "out", encoder="pixels", **choice)


def test_what_is_not_known_is_refused(tmp_path: Path) -> None:
    folder_of(tmp_path / "cells", 3)
    with pytest.raises(LabelingError, match=r"a choice is not known.*patient"):
        rayal.Pool.from_folder(tmp_path / "cells", tmp_path / "out", patient="x")
    pool = rayal.Pool.from_folder(tmp_path / "cells", tmp_path / "out", encoder="pixels")
    with pytest.raises(LabelingError, match="no round was chosen yet"):
        _ = pool.selection
    pool.select(1)
    with pytest.raises(LabelingError, match=r"'x\.png' is neither a path nor an id"):
        pool.label({"x.png": "cat"})
    assert pool.project.labels.all() == ()
