"""Where images come from: folders with anything in them, lists, features without images."""

import json
import os
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rayal.labeling import pool_features
from rayal.labeling.errors import LabelingError
from tests.datasets.made_up_dicom import write as write_dicom
from tests.labeling.images import folder_of, picture, select


def _reasons(project: object) -> dict[str, str]:
    return {one.path: one.reason for one in project.left_out}  # type: ignore[attr-defined]


def test_what_is_no_image_is_left_out_with_its_reason(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 4)
    (cells / "empty.png").write_bytes(b"")
    whole = (cells / "000.png").read_bytes()
    (cells / "cut.png").write_bytes(whole[:200])
    (cells / "text.png").write_text("hello")
    (cells / "notes.txt").write_text("hello")
    (cells / "scan.nii.gz").write_bytes(b"x")
    (cells / "link.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "other.png").write_bytes(whole)
    (cells / "out.png").symlink_to(tmp_path / "other.png")
    os.mkfifo(cells / "pipe.png")
    Image.fromarray(np.ones((4, 4), np.float32)).save(cells / "float.tif")
    selected = select(cells, budget=9)
    assert len(selected.round.chosen) == 4
    reasons = _reasons(selected.project)
    assert reasons["empty.png"] == "it is empty (0 bytes)"
    assert "damaged" in reasons["cut.png"]
    assert "none of the formats known" in reasons["text.png"]
    assert reasons["notes.txt"] == "not read as images"
    assert "volumes" in reasons["scan.nii.gz"]
    assert "save their slices as images" in reasons["scan.nii.gz"]
    assert "link" in reasons["link.png"]
    assert "out of" in reasons["out.png"]
    assert "no plain file" in reasons["pipe.png"]
    assert "floating-point" in reasons["float.tif"]


def test_a_socket_and_a_name_that_is_no_utf8_stop_nothing(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 2)
    picture(7).save(cells / "x.png")
    (cells / "x.png").rename(cells / os.fsdecode(b"\xff.png"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(cells / "s.png"))
        selected = select(cells, budget=5)
    assert len(selected.round.chosen) == 2
    assert any("UTF-8" in reason for reason in _reasons(selected.project).values())


@pytest.mark.slow
def test_folders_of_all_depths_and_kinds_of_picture(tmp_path: Path) -> None:
    cells = tmp_path / "cells"
    (cells / "a" / "b").mkdir(parents=True)
    picture(3, 20).convert("CMYK").save(cells / "cmyk.jpg")
    picture(5, 20).quantize(16).save(cells / "a" / "palette.png")
    picture(6, 20).convert("L").save(cells / "a" / "b" / "gray.tif")
    deep = np.random.default_rng(1).integers(0, 4000, (20, 20)).astype(np.uint16)
    Image.fromarray(deep).save(cells / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(4, 20).save(cells / "turned.jpg", exif=exif)
    selected = select(cells, budget=9)
    assert len(selected.project.pool) == 5
    notes = json.loads((selected.project.root / "features.json").read_text())["notes"]
    assert "1 images: 16-bit gray: each image's 1st to 99th percentile" in notes
    shown = selected.project.thumbnail(selected.project.pool.ids[2], 64)
    assert shown.startswith(b"\x89PNG")
    previews = list((selected.project.root / "previews").iterdir())
    assert len(previews) == 3  # what no browser shows: CMYK, TIFF, 16 bits


def test_a_list_gives_groups_splits_and_labels(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 6)
    table = cells / "list.csv"
    rows = ["path,patient,dx,part"]
    rows += [f"{n:03d}.png,p{n // 2},{'cat' if n == 0 else ''},{'train'}" for n in range(5)]
    rows += ["005.png,p9,,test", "absent.png,p9,,train"]
    table.write_text("\n".join(rows))
    columns = {"path": None, "group": "patient", "label": "dx", "split": "part"}
    project = select(table, budget=9, columns=columns).project
    assert [image.group for image in project.pool] == ["p0", "p0", "p1", "p1", "p2"]
    assert project.labels.labels() == {project.pool.ids[0]: "cat"}
    assert _reasons(project) == {
        "005.png": "of the split test",
        "absent.png": "there is no such file",
    }


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_lists_of_other_formats(tmp_path: Path, suffix: str) -> None:
    cells = folder_of(tmp_path / "cells", 3)
    frame = pd.DataFrame({"image": [f"{n:03d}.png" for n in range(3)], "slide": [1, 1, 2]})
    path = cells / f"list.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=True)
    project = select(path, columns={"path": None, "group": "slide"}).project
    assert [image.group for image in project.pool] == ["1", "1", "2"]


@pytest.mark.parametrize(
    ("header", "columns", "message"),
    [
        ("name,x", {}, "no column of paths: name it, --path-column NAME; it has name, x"),
        ("path,image", {}, "several columns of paths"),
        ("path,patient", {"group": "patiant"}, "did you mean 'patient'"),
    ],
)
def test_a_list_without_the_column_is_refused_by_name(
    tmp_path: Path, header: str, columns: dict[str, str], message: str
) -> None:
    (tmp_path / "list.csv").write_text(f"{header}\na.png,b\n")
    with pytest.raises(LabelingError, match=message):
        select(tmp_path / "list.csv", columns=columns)


def test_a_label_of_two_files_with_the_same_bytes_must_be_one(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 2)
    (cells / "copy.png").write_bytes((cells / "000.png").read_bytes())
    (cells / "list.csv").write_text("path,label\n000.png,cat\ncopy.png,dog\n001.png,\n")
    with pytest.raises(LabelingError, match="same bytes, and the labels 'cat' and 'dog'"):
        select(cells / "list.csv", columns={"label": "label"})


@pytest.mark.parametrize("kind", ["npz", "npy", "parquet"])
def test_features_without_images(tmp_path: Path, kind: str) -> None:
    features = np.random.default_rng(0).normal(size=(15, 4)).astype(np.float32)
    names = [f"tile {n}" for n in range(15)]
    path, more = tmp_path / f"f.{kind}", {}
    if kind == "npz":
        np.savez(path, features=features, ids=names)
    elif kind == "npy":
        np.save(path, features)
        (tmp_path / "ids.txt").write_text("\n".join(names))
        more = {"ids": str(tmp_path / "ids.txt")}
    else:
        pd.DataFrame({"id": names, "features": list(features)}).to_parquet(path)
    selected = select(path, budget=4, **more)
    assert [image.path for image in selected.project.pool] == names
    assert len(selected.round.chosen) == 4
    assert not (selected.project.root / "cvat").exists()
    assert np.array_equal(selected.project.features, features)


def test_features_of_the_images_made_elsewhere(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 5)
    features = np.eye(5, dtype=np.float32)
    names = [f"{n:03d}.png" for n in reversed(range(5))]
    np.savez(tmp_path / "f.npz", features=features, ids=names)
    project = select(cells, features=str(tmp_path / "f.npz"), encoder=None).project
    assert np.array_equal(project.features, features[::-1])
    np.savez(tmp_path / "g.npz", features=features[:3], ids=names[:3])
    with pytest.raises(LabelingError, match=r"no row for 2 of 5 images, such as '000\.png'"):
        select(folder_of(tmp_path / "more", 5), features=str(tmp_path / "g.npz"), encoder=None)


def test_an_encoder_without_weights_is_refused_before_anything(tmp_path: Path) -> None:
    cells = folder_of(tmp_path / "cells", 3)
    with pytest.raises(LabelingError, match=r"encoder 'checkpoint'.*there is no such file.*pixels"):
        select(cells, encoder={"name": "checkpoint", "weights": "absent.pt"})
    assert len(select(cells, budget=2).round.chosen) == 2  # the same folder, another encoder


def test_an_empty_folder_says_why(tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "a.svs").write_bytes(b"x")
    with pytest.raises(LabelingError, match="no image that can be used: 1 x whole slides"):
        select(tmp_path / "cells")


def test_dicom_files_with_and_without_a_suffix_are_images(tmp_path: Path) -> None:
    pytest.importorskip("pydicom", reason="pydicom, the extra dicom, is not installed")
    cells = folder_of(tmp_path / "cells", 1)
    write_dicom(cells / "a.dcm", WindowCenter=1000, WindowWidth=500)
    write_dicom(cells / "IM0001")
    project = select(cells, budget=5).project
    assert sorted(project.pool.paths) == ["000.png", "IM0001", "a.dcm"]
    previews = {path.stem for path in (project.root / "previews").iterdir()}
    assert previews == {image.rayal_id for image in project.pool if image.path != "000.png"}
    assert project.thumbnail(next(iter(previews)), 8).startswith(b"\x89PNG")


def test_features_of_16_bits_are_kept_as_the_same_numbers_in_32(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float16)
    with (tmp_path / "features.npy").open("wb") as file:
        pool_features._write_float32(file, features)
    kept = np.load(tmp_path / "features.npy", mmap_mode="r")
    assert kept.dtype == np.float32
    assert np.array_equal(kept, features.astype(np.float32))
