import csv
import re
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


LEFT_OUT = r".*images are left out, because no row of"
SHARE = r"test_share=.* became"


def load(images: Path, table: Path, expected: str = "^$", **given: Any) -> Dataset:
    """Load a table; warnings other than `expected` are errors."""
    component = DATASETS.find("image_table")
    params = {"path": str(images), "table": str(table), "size": 6, **given}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=expected)
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
    data = load(tmp_path / "skin", table, SHARE, group="patient", split_seed=seed)
    sides = [set(group[seeds(part.images)]) for part in (data.train, data.test)]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == set(group)


def test_images_without_a_row_are_left_out(images: Path) -> None:
    save(images / "unlisted.png", noise(30))
    (images / "broken.png").write_text("no image, and no one asks for it")
    table = write(images, ROWS)
    with pytest.raises(UserWarning, match=r"2 of 8 images are left out, because no row of .*csv"):
        load(images, table)
    data = load(images, table, LEFT_OUT)
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
        load(images, write(images, rows), LEFT_OUT)


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
        ValueError,
        match=r"no column 'image'; its first line.* has 'file', 'label'; .* such as image: NAME",
    ):
        load(images, table)
    table.write_text("image|label\na0.png|red\n")
    with pytest.raises(ValueError, match=r"cut at commas, has 'image\|label'"):
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


def table_of(images: Path, text: str) -> Path:
    path = images.parent / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


SWALLOWED = {
    "two ditto marks": 'image,label,note\na0,red,"\na1,blue,"\na2,red,\na3,blue,\n',
    "inches in the first column": 'note,image,label\n",a0,red\n",a1,blue\n,a2,red\n',
    "inches in a column between": 'image,note,label\na0,"5,red\na1,5",blue\na2,,red\n',
    "a label of two lines": 'image,label\na0,"red\n"\na1,blue\n',
    "an image of two lines": 'image,label\n"a0\na1",red\na2,blue\n',
    "labels that are closed rows later": 'image,label\na0,"red\na1,blue\na2,red"\na3,blue\n',
    "an image in a note": 'image,label,note\na0,red,"see\nalso, a1.png\n"\na1,blue,\n',
}


@pytest.mark.parametrize("text", SWALLOWED.values(), ids=SWALLOWED.keys())
def test_a_quote_that_swallows_rows_is_refused_by_its_line(images: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"table\.csv, line 2: the column '.*' holds the .* lines"):
        load(images, table_of(images, text), LEFT_OUT)


def test_a_note_of_several_lines_is_read(images: Path) -> None:
    text = 'image,label,note\na0,red,"first line\nsecond, and the end"\na1,blue,\na2,red,\n'
    data = load(images, table_of(images, text + "a4,blue,\n"), LEFT_OUT, test_share=0.4)
    assert len(data.train.labels) + len(data.test.labels) == 4


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_tables_may_be_cut_at_semicolons_or_tabs(images: Path, delimiter: str) -> None:
    text = "\n".join(delimiter.join(row) for row in [("image", "label"), *ROWS])
    commas = load(images, write(images, ROWS)).content
    assert load(images, table_of(images, text)).content == commas


@pytest.mark.parametrize(
    ("first", "second"),
    [("MEL", "mel"), ("a b", "a\u00a0b"), ("ab", "a\u200bb"), ("1", "1.0"), ("nv", "nv."),
     ("cat", "\u0441at"), ("basal cell", "basal_cell")],
)  # fmt: skip
def test_labels_that_look_alike_are_refused_by_their_lines(
    images: Path, first: str, second: str
) -> None:
    rows = [(name, (first, second)[i > 3]) for i, (name, _) in enumerate(ROWS)]
    with pytest.raises(ValueError, match=r"the labels .* \(line 2\) and .* \(line 6\) look alike"):
        load(images, write(images, rows))


@pytest.mark.parametrize(
    "labels",
    [("a", "b", "a; b", "a", "b", "a"), ("a|b", "b|c", "a|c", "a|b", "b|c", "a|c"),
     ("a", "b", "a,b", "a", "b", "a"), ("a", "b", "a, b", "a", "b", "a")],
)  # fmt: skip
def test_labels_that_name_several_classes_are_refused_by_their_line(
    images: Path, labels: Sequence[str]
) -> None:
    rows = [(name, label) for (name, _), label in zip(ROWS, labels, strict=True)]
    with pytest.raises(ValueError, match=r"line \d: the label 'a. ?b' .* say separator: ';'"):
        load(images, write(images, rows))


def test_a_list_of_classes_in_a_cell_is_no_label(images: Path) -> None:
    labels = ("['a']", "['a', 'b']", "['b']", "['a']", "['b']", "['a']")
    rows = [(name, label) for (name, _), label in zip(ROWS, labels, strict=True)]
    with pytest.raises(ValueError, match=r"line 3: the label .* names several classes"):
        load(images, write(images, rows))


def test_a_comma_in_the_name_of_one_class_is_read(images: Path) -> None:
    rows = [(name, "nevus, atypical" if label == "red" else "nevus") for name, label in ROWS]
    assert load(images, write(images, rows)).classes == ("nevus", "nevus, atypical")


def test_a_separator_gives_images_of_several_classes_and_of_none(images: Path) -> None:
    labels = ("b; a", "b", "", "a", "b;a;", " ")
    sides = ("train", "train", "train", "test", "test", "test")
    rows = [(name, *cells) for (name, _), *cells in zip(ROWS, labels, sides, strict=True)]
    table = write(images, rows, ("image", "label", "part"))
    data = load(images, table, split="part", separator=";")
    assert data.classes == ("a", "b")
    assert data.multilabel
    assert dict(zip(seeds(data.train.images), data.train.labels.tolist(), strict=True)) == {
        0: [1, 1], 1: [0, 1], 2: [0, 0],
    }  # fmt: skip
    assert sorted(data.test.labels.tolist()) == [[0, 0], [1, 0], [1, 1]]


def test_a_share_of_images_of_several_classes_is_of_the_rarest_of_each(tmp_path: Path) -> None:
    for i in range(40):
        save(tmp_path / "skin" / f"{i}.png", noise(i))
    labels = ["common; rare" if i < 5 else "common" if i < 30 else "" for i in range(40)]
    table = write(tmp_path / "skin", [(f"{i}.png", label) for i, label in enumerate(labels)])
    data = load(tmp_path / "skin", table, separator=";", test_share=0.2)
    assert data.test.labels.sum(axis=0).tolist() == [6, 1]
    assert (data.test.labels.sum(axis=1) == 0).sum() == 2


def test_a_separator_in_the_name_of_one_class_is_read(images: Path) -> None:
    names = {"red": "benign|nevus", "blue": "benign|keratosis"}
    rows = [(name, names[label]) for name, label in ROWS]
    assert load(images, write(images, rows)).classes == ("benign|keratosis", "benign|nevus")


def test_labels_in_two_unicode_forms_are_one(images: Path) -> None:
    forms = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    rows = [(name, forms[i % 2] if i < 4 else "e") for i, (name, _) in enumerate(ROWS)]
    assert load(images, write(images, rows)).classes == ("e", "é")


def test_groups_in_two_unicode_forms_are_one(tmp_path: Path) -> None:
    forms = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    for i in range(40):
        save(tmp_path / "skin" / f"{i}.png", noise(i))
    rows = [(str(i), "xy"[i // 4 % 2], f"{forms[i % 2]}{i // 4}") for i in range(40)]
    table = write(tmp_path / "skin", rows, ("image", "label", "patient"))
    data = load(tmp_path / "skin", table, SHARE, group="patient", test_share=0.3)
    sides = [{i // 4 for i in seeds(part.images)} for part in (data.train, data.test)]
    assert not sides[0] & sides[1]


@pytest.mark.parametrize(("first", "second"), [("P1", "p1"), ("P 1", "P1"), ("7", "007")])
def test_groups_that_look_alike_are_refused(images: Path, first: str, second: str) -> None:
    rows = [(*row, (first, second)[i > 3]) for i, row in enumerate(ROWS)]
    table = write(images, rows, ("image", "label", "patient"))
    with pytest.raises(ValueError, match=r"the groups .* \(line 2\) and .* \(line 6\) look alike"):
        load(images, table, group="patient")


@pytest.mark.parametrize("word", ["nan", "NA", "#N/A", "None", "?", "unknown"])
def test_words_for_a_missing_label_are_mentioned(images: Path, word: str) -> None:
    rows = [(name, word if i < 3 else "red") for i, (name, _) in enumerate(ROWS)]
    table = write(images, rows)
    with pytest.raises(UserWarning, match=rf"3 images have the label '{re.escape(word)}', which"):
        load(images, table)
    assert word in load(images, table, ".*have the label").classes


UNCERTAIN: dict[str, tuple[str, str]] = {
    "a label that cannot be seen": ("image,label\na0,\u200b\n", "line 2: the column 'label' is em"),
    "a label that moves the cursor": ("image,label\na0,a\x1b[31m\n", r"line 2: .* '\\x1b', which"),
    "a character lost": ("image,label\na0,m\ufffdl\n", "line 2: .* a character was lost"),
    "a quote after a blank": ('image,label\na0, "red"\n', "line 2: .*, quotes and all"),
    "a label with a comma": ("image,label\na0,red, dark\n", "line 2: it has 3 cells"),
    "two columns of labels": ("image,label,label\na0,red,blue\n", "2 columns 'label'"),
    "two columns of images": ("image,image,label\na0,a1,red\n", "2 columns 'image'"),
    "a table within": ("image,label\na0,red\n\ufeffimage,label\na1,blue\n", "line 3: .* no image"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), UNCERTAIN.values(), ids=UNCERTAIN.keys())
def test_a_table_whose_meaning_is_not_certain_is_refused(
    images: Path, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load(images, table_of(images, text), LEFT_OUT)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("A0.PNG", "did you mean 'a0.png'"), ("a0.jpg", "did you mean 'a0.png'"),
     ("x/a0.png", "did you mean 'a0.png'"), ("1.0", "did you mean '1.png'"),
     ("01", "did you mean '1.png'"), ("zzz", "in .*skin$")],
)  # fmt: skip
def test_a_name_that_is_nearly_right_is_helped(images: Path, name: str, hint: str) -> None:
    save(images / "1.png", noise(8))
    with pytest.raises(ValueError, match=f"line 2: there is no image '{name}' .*{hint}"):
        load(images, write(images, [(name, "red"), *ROWS]), LEFT_OUT)


def test_a_row_that_names_a_file_of_another_kind_says_so(images: Path) -> None:
    (images / "scan.dcm").write_bytes(b"\0" * 128 + b"DICM")
    (images / "photo.img").write_bytes((images / "a0.png").read_bytes())
    for name, kind in (("scan.dcm", "DICOM, which is not read"), ("photo.img", "images by their")):
        with pytest.raises(ValueError, match=f"there is a file of that name: 1 .*{kind}"):
            load(images, write(images, [*ROWS, (name, "red")]))


def test_files_of_images_that_are_not_read_are_mentioned(images: Path) -> None:
    (images / "scan.dcm").write_bytes(b"\0" * 128 + b"DICM")
    (images / "notes.txt").touch()
    with pytest.raises(UserWarning, match=r"1 file is passed over: 1 \.dcm \(DICOM"):
        load(images, write(images, ROWS))


def test_two_files_whose_names_differ_in_their_form_are_told_apart_or_refused(
    images: Path,
) -> None:
    for i, form in enumerate(("NFC", "NFD")):
        save(images / f"{unicodedata.normalize(form, 'é')}.png", noise(20 + i))
    with pytest.raises(ValueError, match=r"how accents are written: rename one"):
        load(images, write(images, [*ROWS, ("é.png", "red")]))
    assert len(load(images, write(images, ROWS), LEFT_OUT).train.labels) == 4


def test_a_share_that_groups_change_is_explained(tmp_path: Path) -> None:
    for i in range(24):
        save(tmp_path / "skin" / f"{i}.png", noise(i))
    rows = [(str(i), "xy"[i % 2], f"p{i // 6 if i < 12 else i}") for i in range(24)]
    table = write(tmp_path / "skin", rows, ("image", "label", "patient"))
    message = r"test_share=0\.1 became 0\.\d+: \d+ of 24 images .* the largest has 6 images"
    seed = next(s for s in range(50) if _tested(tmp_path / "skin", table, s) not in (2, 3))
    with pytest.raises(UserWarning, match=message):
        load(tmp_path / "skin", table, group="patient", test_share=0.1, split_seed=seed)


def _tested(folder: Path, table: Path, seed: int) -> int:
    data = load(folder, table, SHARE, group="patient", test_share=0.1, split_seed=seed)
    return len(data.test.labels)


def test_a_class_without_images_to_test_is_mentioned(images: Path) -> None:
    rows = [(*row, f"p{row[1]}" if row[1] == "red" else f"p{i}") for i, row in enumerate(ROWS)]
    table = write(images, rows, ("image", "label", "patient"))
    with pytest.raises(UserWarning, match=r"1 of 2 classes have no image to test: red"):
        load(images, table, SHARE, group="patient")


def test_an_image_may_be_named_by_its_whole_path(images: Path) -> None:
    rows = [(f"{images}/{name}", label) for name, label in ROWS]
    assert seeds(load(images, write(images, rows)).train.images)


def test_a_name_that_no_disk_takes_is_refused_by_its_line(images: Path) -> None:
    with pytest.raises(ValueError, match=r"line 8: there is no image 'x{200}\.\.\.' in"):
        load(images, write(images, [*ROWS, ("x" * 5000, "red")]))


def test_the_same_picture_to_train_and_to_test_is_mentioned(images: Path) -> None:
    save(images / "copy.png", noise(0))
    head = ("image", "label", "part")
    rows = [(*row, "train") for row in ROWS[:4]] + [(*row, "test") for row in ROWS[4:]]
    apart = write(images, [*rows, ("copy.png", "red", "train")], head)
    assert len(load(images, apart, split="part").test.labels) == 2
    shared = write(images, [*rows, ("copy.png", "red", "test")], head)
    with pytest.raises(UserWarning, match=r"1 images are in the test set .* a0\.png and copy\.png"):
        load(images, shared, split="part")


def test_blanks_and_backslashes_in_names_of_files_are_parts_of_them(images: Path) -> None:
    names = [" a0.png", "a\\4.png"]
    for seed, name in enumerate(names, 20):
        save(images / name, noise(seed))
    rows = [*ROWS, (names[0], "blue"), (names[1], "red")]
    data = load(images, write(images, rows), SHARE, test_share=0.5)
    seen = {**dict(zip(map(str, data.train.files or ()), data.train.labels, strict=True))}
    seen |= dict(zip(map(str, data.test.files or ()), data.test.labels, strict=True))
    assert {name: data.classes[label] for name, label in seen.items()} == dict(rows)


def test_labels_of_the_same_image_are_compared_as_the_table_has_them_now(images: Path) -> None:
    save(images / "a2.png", noise(0))
    sides = ["train"] * 4 + ["test"] * 2
    rows = [[*row, side] for row, side in zip(ROWS, sides, strict=True)]
    head = ("image", "label", "part")
    load(images, write(images, rows, head), split="part")
    rows[2][1] = "blue"
    with pytest.raises(UserWarning, match=r"1 images have another label .* a0\.png and a2\.png"):
        load(images, write(images, rows, head), split="part")


def rows_of_patients(folder: Path, patients: Sequence[str]) -> list[list[str]]:
    """Make an image of each of these patients, and its row."""
    for n in range(len(patients)):
        save(folder / f"{n}.png", noise(n))
    return [[f"{n}", "xy"[n % 2], patient] for n, patient in enumerate(patients)]


@pytest.mark.parametrize("column", ["patient", "Lesion ID", "subject_id"])
def test_patients_that_are_not_kept_together_are_mentioned(tmp_path: Path, column: str) -> None:
    rows = rows_of_patients(tmp_path / "skin", [f"p{n // 2}" for n in range(12)])
    table = write(tmp_path / "skin", rows, ("image", "label", column))
    said = f"6 of 6 values of the column '{column}' may have images to train and to test"
    with pytest.raises(UserWarning, match=f"{said} both.*: say group: {column}"):
        load(tmp_path / "skin", table)
    load(tmp_path / "skin", write(tmp_path / "skin", rows, ("image", "label", "size")))


def test_patients_on_both_sides_of_a_column_of_splits_are_mentioned(tmp_path: Path) -> None:
    rows = rows_of_patients(tmp_path / "skin", [f"p{n // 2}" for n in range(12)])
    head = ("image", "label", "patient", "split")
    told = [[*row, "train" if n < 8 else "test"] for n, row in enumerate(rows)]
    load(tmp_path / "skin", write(tmp_path / "skin", told, head), split="split")
    told[11][2] = "p0"
    with pytest.raises(UserWarning, match="1 of 6 values of the column 'patient' may have images"):
        load(tmp_path / "skin", write(tmp_path / "skin", told, head), split="split")
