"""Lists of images: what their cells say is taken whole, or refused by the line."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rayal
from rayal.labeling.errors import LabelingError
from rayal.labeling.ingest import ingest
from rayal.labeling.project import Project
from tests.labeling.images import folder_of, project_of, select

FILES = [f"{n:03d}.png" for n in range(6)]


def read(folder: Path, rows: Sequence[str], suffix: str = "csv", **columns: str) -> Project:
    """Make a project of a list with these lines that lies beside its images."""
    cells = folder_of(folder / "cells", len(FILES))
    (cells / f"list.{suffix}").write_text("\n".join(rows), encoding="utf-8")
    return select(cells / f"list.{suffix}", columns={"path": None, **columns}).project


@pytest.mark.parametrize("before", ["", "./", "../cells/", "ABSOLUTE"])
def test_labels_hold_however_the_path_of_an_image_is_written(tmp_path: Path, before: str) -> None:
    before = before.replace("ABSOLUTE", f"{tmp_path}/cells/")
    rows = ["path,dx", f"{before}000.png,cat", *(f"{before}{file}," for file in FILES[1:])]
    project = read(tmp_path, rows, label="dx")
    assert list(project.labels.labels().values()) == ["cat"]


@pytest.mark.parametrize(
    ("again", "said"),
    [
        ("000.png,p0,dog,train", "group 'p0', label 'cat', split 'train', then group 'p0', label "),
        ("./000.png,p0,,train", "then group 'p0', split 'train'; keep the right row"),
        ("000.png,p1,cat,train", "then group 'p1'"),
        ("000.png,p0,cat,test", "then group 'p0', label 'cat', split 'test'"),
    ],
)
def test_two_rows_of_an_image_that_say_different_things_are_refused(
    tmp_path: Path, again: str, said: str
) -> None:
    rows = ["path,patient,dx,part", "000.png,p0,cat,train", again]
    with pytest.raises(LabelingError, match=f"list.csv, line 3: 000.png is listed twice.*{said}"):
        read(tmp_path, rows, group="patient", label="dx", split="part")


@pytest.mark.parametrize(("one", "other"), [("mel", "MEL"), ("1", "1.0"), ("a b", "a\u00a0b")])
def test_labels_and_groups_that_look_alike_are_refused(
    tmp_path: Path, one: str, other: str
) -> None:
    rows = ["path,x", f"000.png,{one}", f"001.png,{other}"]
    with pytest.raises(LabelingError, match=r"list\.csv: the classes .* look alike"):
        read(tmp_path / "a", rows, label="x")
    with pytest.raises(LabelingError, match=r"list\.csv: the groups .* look alike"):
        read(tmp_path / "b", rows, group="x")


def test_an_accent_typed_in_two_ways_is_one_group(tmp_path: Path) -> None:
    forms = [unicodedata.normalize(form, "Ren\u00e9") for form in ("NFC", "NFD")]
    project = read(tmp_path, ["path,x", f"000.png,{forms[0]}", f"001.png,{forms[1]}"], group="x")
    assert {image.group for image in project.pool} == {forms[0]}
    cells = folder_of(tmp_path / "c", 1, f"{forms[0]}_{{}}.png")
    folder_of(cells, 1, f"{forms[1]}_{{}}.png", first=1)
    by_pattern = select(cells, group_pattern="^([^_]+)_").project
    assert [image.group for image in by_pattern.pool] == [forms[0], forms[0]]


def test_groups_are_named_once_and_a_bound_on_them_bounds_something(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 2)
    (cells / "list.csv").write_text("path,who\n000.png,\n001.png,\n")
    columns = {"path": None, "group": "who"}
    with pytest.raises(LabelingError, match="groups are named twice, by the column 'who' and by"):
        select(cells / "list.csv", columns=columns, group_pattern="^(.)")
    with pytest.raises(LabelingError, match="at most 1 of a group were asked for, and no image"):
        select(cells / "list.csv", columns=columns, per_group=1)


def test_not_a_number_says_that_there_is_no_label_and_no_group(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 3)
    frame = pd.DataFrame({"path": FILES[:3], "dx": [1.0, None, None], "who": [7.0, None, 7.0]})
    frame.to_parquet(cells / "list.parquet")
    columns = {"path": None, "label": "dx", "group": "who"}
    project = select(cells / "list.parquet", columns=columns).project
    assert list(project.labels.labels().values()) == ["1.0"]
    assert [image.group for image in project.pool] == ["7.0", "", "7.0"]
    rows = ['{"path": "000.png", "dx": NaN}', '{"path": "001.png", "dx": null}']
    assert read(tmp_path / "b", rows, "jsonl", label="dx").labels.labels() == {}


def test_a_word_for_a_missing_label_is_a_class_and_noted(tmp_path: Path) -> None:
    project = read(tmp_path, ["path,dx", "000.png,n/a", "001.png,cat", "002.png,"], label="dx")
    assert sorted(map(str, project.labels.labels().values())) == ["cat", "n/a"]
    assert "1 images have the label 'n/a'" in (project.root / "features.json").read_text()


def test_a_word_for_a_missing_group_is_a_group_and_noted(tmp_path: Path) -> None:
    rows = ["path,patient", *(f"{file},{'NA' if n else 'p0'}" for n, file in enumerate(FILES))]
    project = read(tmp_path, rows, group="patient")
    assert "5 images have the group 'NA'" in (project.root / "features.json").read_text()


def test_a_cell_of_which_nothing_can_be_seen_is_empty(tmp_path: Path) -> None:
    rows = ["path,dx,patient", "000.png,cat,p0", "001.png,\u200b,\u3164", "002.png,dog,\ufeff"]
    project = read(tmp_path, rows, label="dx", group="patient")
    assert sorted(map(str, project.labels.labels().values())) == ["cat", "dog"]
    assert [image.group for image in project.pool] == ["p0", "", ""]


@pytest.mark.parametrize("label", ["caf\ufffd", "a\x07b"])
def test_a_label_that_lost_a_character_is_refused_before_images_are_described(
    tmp_path: Path, label: str
) -> None:
    with pytest.raises(LabelingError, match=r"list\.csv, line 3: "):
        read(tmp_path, ["path,dx", "000.png,cat", f"001.png,{label}"], label="dx")


def test_a_quote_closed_in_a_later_row_takes_no_images_with_it(tmp_path: Path) -> None:
    notes = {1: '"see biopsy', 4: 'unclear"'}
    rows = ["path,note", *(f"{file},{notes.get(n, 'ok')}" for n, file in enumerate(FILES))]
    with pytest.raises(LabelingError, match="line 3: the column 'note' holds the 4 lines from"):
        read(tmp_path / "a", rows)
    rows[2] = '001.png,"see\nbiopsy, again"'
    rows[5] = "004.png,ok"
    assert len(read(tmp_path / "b", rows).pool) == len(FILES)


@pytest.mark.parametrize("other", ["Label", "label_y", "label.1", "label copy"])
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_second_column_of_labels_is_refused_in_every_kind_of_list(
    tmp_path: Path, suffix: str, other: str
) -> None:
    cells = folder_of(tmp_path / "cells", len(FILES))
    frame = pd.DataFrame({"path": FILES, "label": "cat", other: "dog"})
    path = cells / f"list.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path)
    else:
        text = (
            frame.to_csv(index=False)
            if suffix == "csv"
            else frame.to_json(orient="records", lines=True)
        )
        path.write_text(text, encoding="utf-8")
    with pytest.raises(LabelingError, match=f"columns 'label' and '{other}', which look alike"):
        select(path, columns={"path": None, "label": "label"})


def test_json_lines_that_call_the_label_otherwise_later_on_are_refused(tmp_path: Path) -> None:
    rows = ['{"path": "000.png", "dx": "a"}', '{"path": "001.png", "Dx": "b"}']
    with pytest.raises(LabelingError, match="line 2 has 'Dx', and 'dx' is read"):
        read(tmp_path, rows, "jsonl", label="dx")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"path": "000.png", "dx": "a", "dx": "b"}', "it has 'dx' 2 times"),
        ('{"path": "000.png", "dx": ["a", "b"]}', r"'dx' holds \['a', 'b'\], and one text"),
        ("[" * 100_000, "cannot be read"),
        ('{"path": ', "cannot be read"),
    ],
)
def test_a_line_of_json_that_says_no_one_thing_is_refused(
    tmp_path: Path, row: str, said: str
) -> None:
    with pytest.raises(LabelingError, match=f"jsonl, line 2.*{said}"):
        read(tmp_path, ['{"path": "000.png", "dx": "a"}', row], "jsonl", label="dx")


def test_a_path_that_no_disk_takes_is_left_out_with_its_reason(tmp_path: Path) -> None:
    project = read(tmp_path, ["path", "000.png", f"{'x' * 300}.png"])
    assert [left_out.reason for left_out in project.left_out] == [
        "it cannot be read: file name too long"
    ]


def test_classes_named_beforehand_are_kept_in_one_form_and_must_differ(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 3)
    named = (unicodedata.normalize("NFD", "ch\u00e9"), " cat")
    assert select(cells, classes=named).project.classes == ("ch\u00e9", "cat")
    with pytest.raises(LabelingError, match="the classes 'MEL' and 'mel' look alike"):
        select(cells, out=tmp_path / "b", classes=("mel", "MEL"))


def test_a_class_that_looks_like_another_is_refused_in_a_notebook_and_can_be_corrected(
    tmp_path: Path,
) -> None:
    pool = rayal.Pool(project_of(tmp_path))
    pool.label({"000.png": "mel", "001.png": "nv"})
    with pytest.raises(LabelingError, match="look alike"):
        pool.label({"002.png": "MEL"})
    assert set(pool.project.labels.labels().values()) == {"mel", "nv"}
    pool.label({"000.png": "MEL"})  # nothing stands as mel any more
    (tmp_path / "again.csv").write_text("path,label\n000.png,mel\n002.png,mel\n")
    ingest(pool.project, [tmp_path / "again.csv"])
    assert sorted(map(str, pool.project.labels.labels().values())) == ["mel", "mel", "nv"]


@pytest.mark.parametrize("suffix", ["npz", "parquet"])
def test_features_have_no_groups_or_labels_in_columns(tmp_path: Path, suffix: str) -> None:
    X = np.random.default_rng(0).normal(size=(8, 4))
    path, ids = tmp_path / f"f.{suffix}", [f"i{n}" for n in range(8)]
    if suffix == "npz":
        np.savez(path, features=X, ids=ids)
    else:
        pd.DataFrame({"id": ids, "features": list(X), "who": ids}).to_parquet(path)
    with pytest.raises(LabelingError, match="is features, which have no columns: name the group"):
        select(path, columns={"path": None, "group": "who"}, encoder=None)
