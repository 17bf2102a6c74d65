import csv
import unicodedata
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.contracts import Dataset
from rayal.registry import DATASETS
from tests.datasets.made_up_images import noise, save

ROWS = [("a0.png", "red"), ("a1.png", "blue"), ("a2.png", "red"), ("b/a3.png", "blue"),
        ("a4.png", "red"), ("a5.png", "blue")]  # fmt: skip


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for i, (name, _) in enumerate(ROWS):
        save(tmp_path / "skin" / name, noise(i))
    return tmp_path / "skin"


def write(images: Path, rows: Sequence[Sequence[str]], head: Sequence[str] = ("image", "label"),
          encoding: str = "utf-8") -> Path:  # fmt: skip
    path = images.parent / "table.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def load(images: Path, table: Path, **given: Any) -> Dataset:
    component = DATASETS.find("image_table")
    params = {"path": str(images), "table": str(table), "size": 6, **given}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = component.function(**component.bind(params))
    assert isinstance(data, Dataset)
    return data


def seeds(images: np.ndarray) -> list[int]:
    """Which file each image was."""
    return [next(i for i in range(50) if np.array_equal(noise(i), image)) for image in images]


def test_a_split_column_divides_the_images(images: Path) -> None:
    sides = ["train", "train", "test", "TEST", "Training", "validation"]
    rows = [(*row, side) for row, side in zip(ROWS, sides, strict=True)]
    data = load(images, write(images, rows, ("image", "label", "part")), split="part")
    assert data.name == "skin"
    assert data.classes == ("blue", "red")
    assert seeds(data.train.images) == [0, 1, 4]
    assert data.train.labels.tolist() == [1, 0, 1]
    assert seeds(data.test.images) == [2, 3]
    assert data.test.labels.tolist() == [1, 0]
    assert data.val is not None
    assert seeds(data.val.images) == [5]


def test_without_a_split_column_a_share_of_each_class_is_to_test(images: Path) -> None:
    table = write(images, ROWS)
    data = load(images, table, test_share=0.34)
    assert np.bincount(data.train.labels).tolist() == [2, 2]
    assert np.bincount(data.test.labels).tolist() == [1, 1]
    assert sorted(seeds(data.train.images) + seeds(data.test.images)) == list(range(6))
    assert data.content == load(images, table, test_share=0.34).content
    assert len(load(images, table).test.labels) == 2  # 0.2, but one of each class at least


def test_the_order_of_the_rows_does_not_matter(images: Path) -> None:
    contents = [load(images, write(images, rows)).content for rows in (ROWS, ROWS[::-1])]
    assert contents[0] == contents[1]


def test_ham10000s_form_is_read(tmp_path: Path) -> None:
    """Names without extension, in two folders, lesions with several images."""
    head = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
    rows = []
    for i in range(24):
        name, lesion = f"ISIC_{i:07d}", f"HAM_{i // 3:07d}"
        save(tmp_path / "ham" / f"HAM10000_images_part_{1 + i % 2}" / f"{name}.jpg", noise(i))
        rows.append((lesion, name, ("nv", "mel")[i // 3 % 2], "histo", "60.0", "male", "back"))
    table = write(tmp_path / "ham", rows, head)
    data = load(tmp_path / "ham", table, image="image_id", label="dx", group="lesion_id",
                test_share=0.25)  # fmt: skip
    assert data.classes == ("mel", "nv")
    assert (len(data.train.labels), len(data.test.labels)) == (18, 6)


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_on_both_sides(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    group = rng.integers(12, size=40)
    for i in range(40):
        save(tmp_path / "skin" / f"{i}.png", noise(i))
    rows = [(str(i), "xy"[g % 2], f"patient {g}") for i, g in enumerate(group)]
    table = write(tmp_path / "skin", rows, ("image", "label", "patient"))
    data = load(tmp_path / "skin", table, group="patient", split_seed=seed)
    sides = [set(group[seeds(part.images)]) for part in (data.train, data.test)]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == set(group)


def test_images_without_a_row_are_left_out(images: Path) -> None:
    save(images / "unlisted.png", noise(30))
    (images / "broken.png").write_text("no image, and no one asks for it")
    data = load(images, write(images, ROWS))
    assert len(data.train.labels) + len(data.test.labels) == 6


def test_images_are_found_by_path_name_or_stem(images: Path) -> None:
    forms = ["./a0.png", "a1", "a2.png", r"b\a3.png", "a4", "a5"]
    rows = [(form, label) for form, (_, label) in zip(forms, ROWS, strict=True)]
    assert load(images, write(images, rows)).content == load(images, write(images, ROWS)).content


def test_names_need_not_be_ascii(tmp_path: Path) -> None:
    for i, name in enumerate(("grün", "weiß", "日本", "x")):
        save(tmp_path / "skin" / f"{unicodedata.normalize('NFD', name)}.png", noise(i))
    rows = [("grün", "ä"), ("weiß", "ä"), ("日本", "ж"), ("x", "ж")]
    data = load(tmp_path / "skin", write(tmp_path / "skin", rows, encoding="utf-8-sig"))
    assert data.classes == ("ä", "ж")


def test_repeated_rows_count_once_and_are_mentioned(images: Path) -> None:
    table = write(images, [*ROWS, ROWS[0], ("a1", "blue"), ROWS[0]])
    with pytest.raises(UserWarning, match=r"table\.csv: 3 rows repeat others; they count once"):
        load(images, table)
    component = DATASETS.find("image_table")
    with pytest.warns(UserWarning, match="3 rows repeat others"):
        data = component.function(path=str(images), table=str(table), size=6)
    assert len(data.train.labels) + len(data.test.labels) == 6


BAD: dict[str, tuple[Sequence[Sequence[str]], str]] = {
    "a row without an image": ([*ROWS, ("a9.png", "red")], r"line 8: there is no image 'a9\.png'"),
    "a path out of the folder": ([*ROWS, ("../table.csv", "red")], "there is no image"),
    "two labels": ([*ROWS, ("a0", "blue")], r"line 8: a0\.png is listed twice.*'red', then 'blue'"),
    "no label": ([*ROWS[:2], ("a2.png", " ")], "line 4: the column 'label' is empty; fill it"),
    "a short row": ([*ROWS[:2], ("a2.png",)], "line 4: the column 'label' is empty"),
    "no image": ([("", "red")], "line 2: the column 'image' is empty"),
    "no rows": ([], "lists no image"),
    "one class": ([ROWS[0], ROWS[2]], "at least 2 classes"),
}


@pytest.mark.parametrize(("rows", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_row_is_refused_by_its_line(
    images: Path, rows: Sequence[Sequence[str]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load(images, write(images, rows))


def test_an_ambiguous_name_is_refused(images: Path) -> None:
    save(images / "b/a0.png", noise(0))
    save(images / "a1.jpg", noise(0))
    table = write(images, [("a1", "red"), *ROWS])
    with pytest.raises(ValueError, match=r"'a1' may be a1\.jpg or a1\.png: give its path"):
        load(images, table)
    with pytest.raises(ValueError, match=r"'a0' may be a0\.png or b/a0\.png"):
        load(images, write(images, [("a0", "red")]))


def test_a_path_is_never_ambiguous(images: Path) -> None:
    save(images / "b/a0.png", noise(40))
    rows = [("b/a0.png", "blue"), *ROWS]
    assert len(load(images, write(images, rows)).test.labels) == 2


def test_a_side_that_is_none_is_refused(images: Path) -> None:
    table = write(images, [("a0.png", "red", "pool")], ("image", "label", "part"))
    with pytest.raises(ValueError, match="part is 'pool', and must be train, val or test"):
        load(images, table, split="part")


def test_a_column_without_test_images_is_refused(images: Path) -> None:
    table = write(images, [(*row, "train") for row in ROWS], ("image", "label", "part"))
    with pytest.raises(ValueError, match="there is no image to test"):
        load(images, table, split="part")


def test_a_class_without_training_images_is_refused(images: Path) -> None:
    rows = [(*row, "train" if row[1] == "red" else "test") for row in ROWS]
    with pytest.raises(ValueError, match="class 'blue' has no training image"):
        load(images, write(images, rows, ("image", "label", "part")), split="part")


def test_a_group_on_both_sides_is_refused(images: Path) -> None:
    rows = [(*row, "train" if i < 4 else "test", f"p{i // 3}") for i, row in enumerate(ROWS)]
    table = write(images, rows, ("image", "label", "part", "patient"))
    with pytest.raises(ValueError, match="group 'p1' are in train and in test"):
        load(images, table, split="part", group="patient")


def test_a_missing_column_is_refused_with_those_that_are_there(images: Path) -> None:
    table = write(images, ROWS, ("file", "label"))
    with pytest.raises(
        ValueError, match=r"no column 'image'; its first line.* has 'file', 'label'"
    ):
        load(images, table)
    table.write_text("image;label\na0.png;red\n")
    with pytest.raises(ValueError, match="cut at commas, has 'image;label'"):
        load(images, table)
    table.write_text("")
    with pytest.raises(ValueError, match="has nothing"):
        load(images, table)


def test_what_is_no_text_is_refused(images: Path) -> None:
    table = images.parent / "table.csv"
    table.write_bytes(b"image,label\n\xff\xfe\x00,red\n")
    with pytest.raises(ValueError, match="cannot be read as a CSV file in UTF-8"):
        load(images, table)


def test_absent_files_are_named(images: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file /nowhere/t\.csv; .* table"):
        load(images, Path("/nowhere/t.csv"))
    with pytest.raises(FileNotFoundError, match=r"there is no folder /nowhere; .* path"):
        load(Path("/nowhere"), write(images, ROWS))


def test_a_split_column_and_a_share_are_one_too_many(images: Path) -> None:
    with pytest.raises(ValueError, match="'part' splits it already: leave test_share out"):
        load(images, write(images, ROWS), split="part", test_share=0.2)
