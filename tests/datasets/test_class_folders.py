"""Which folders are splits, which are classes, and what is said of all others."""

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.contracts import Dataset
from rayal.registry import DATASETS
from tests.datasets.made_up_images import folder_of_classes, noise, save

CLASSES = {"a": 4, "b": 4}


def load(root: Path, **given: Any) -> tuple[Dataset, list[str]]:
    """Return the dataset, and the warnings of it."""
    component = DATASETS.find("image_folder")
    with warnings.catch_warnings(record=True) as messages:
        warnings.simplefilter("always")
        data = component.function(**component.bind({"path": str(root), "size": 6, **given}))
    assert isinstance(data, Dataset)
    return data, [str(warning.message) for warning in messages]


def splits(root: Path, names: Iterable[str]) -> Path:
    for i, name in enumerate(names):
        folder_of_classes(root / name, CLASSES, first=10 * i)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cells"


@pytest.mark.parametrize(
    "names",
    [("Train", "Test"), ("TRAINING", "testing"), ("train", "Test", "valid"),
     ("training", "test", "Validation"), ("train", "test", "VAL")],
)  # fmt: skip
def test_splits_are_known_by_long_names_and_in_any_case(root: Path, names: tuple[str, ...]) -> None:
    data, messages = load(splits(root, names))
    assert data.classes == ("a", "b")
    assert (data.val is not None) == (len(names) == 3)
    assert messages == []
    with pytest.raises(ValueError, match="already: leave test_share out"):
        load(root, test_share=0.25)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("train", "Train", "test"), "has the folders Train and train: leave one"),
        (("train", "test", "val", "valid"), "has the folders val and valid: leave one"),
        (("train", "val"), "has a folder train with folders in it, and none named test"),
        (("Train", "holdout"), r"none named test: of what it has \(Train, holdout\), name one"),
        (("Testing", "Pool"), "a folder Testing with folders in it, and none named train"),
        (("train_images", "test_images"), "train_images are not classes by their names; name them"),
        (("trn", "tst"), "trn, tst are not classes by their names"),
        (("Training Set", "Test Set"), "are not classes by their names"),
        (("seg_train", "seg_test"), "are not classes by their names"),
        (("trainset", "testset"), "are not classes by their names"),
        (("trainA", "trainB", "testA", "testB"), "are not classes by their names"),
        (("TrainSet", "TestSet"), "are not classes by their names"),
        (("fold1", "fold2"), "fold1, fold2 are parts of a cross-validation by their names"),
        (("Fold_0", "Fold_1", "Fold_10"), "are parts of a cross-validation"),
        (("cv-fold 1", "cv-fold 2"), "are parts of a cross-validation"),
        (("split1", "split2"), "are parts of a cross-validation"),
        (("subset0", "subset1"), "are parts of a cross-validation"),
        (("fold_a", "fold_b"), "are parts of a cross-validation"),
        (("cv1", "cv2", "cv3"), "are parts of a cross-validation"),
        (("train1", "train2"), "train1, train2 are not classes by their names"),
        (("test_part_1", "test_part_2"), "are not classes by their names"),
    ],
)
def test_splits_do_not_become_classes(root: Path, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(splits(root, names), test_share=0.25)


def test_a_class_may_be_called_train(root: Path) -> None:
    data, messages = load(
        folder_of_classes(root, {"bus": 4, "train": 4, "car": 4}), test_share=0.25
    )
    assert data.classes == ("bus", "car", "train")
    assert messages == []


def test_classes_that_may_lie_deeper_are_mentioned(root: Path) -> None:
    data, messages = load(splits(root, ["site1", "site2"]), test_share=0.25)
    assert data.classes == ("site1", "site2")
    assert len(messages) == 1
    assert "the classes are its folders site1, site2; the folders a, b, which all" in messages[0]


def test_folders_of_patients_below_the_classes_are_not_mentioned(root: Path) -> None:
    for c in "ab":
        for i in range(4):
            save(root / c / f"patient {c}{i}" / "1.png", noise(2 * i + (c == "b")))
    assert load(root, test_share=0.25)[1] == []


def test_what_lies_beside_the_splits_is_mentioned(root: Path) -> None:
    splits(root, ("train", "test"))
    folder_of_classes(root, {"extra": 3})
    save(root / "loose.png", noise(0))
    (root / "docs").mkdir()
    (root / "docs/a.dcm").touch()
    _, messages = load(root)
    assert len(messages) == 1
    assert "docs (0 images, 1 .dcm (DICOM" in messages[0]
    assert "extra (3 images), 1 images in no folder" in messages[0]


LOOKALIKES = [("mel", "MEL"), ("basal cell", "basal_cell"), ("1", "1.0"), ("cat", "\u0441at")]


@pytest.mark.parametrize(("first", "second"), LOOKALIKES)
def test_classes_that_look_alike_are_refused(root: Path, first: str, second: str) -> None:
    with pytest.raises(ValueError, match="look alike; put their images into one folder"):
        load(folder_of_classes(root, {first: 3, second: 3}), test_share=0.3)
    splits(root / "both", ("test",))
    folder_of_classes(root / "both/train", {**CLASSES, first: 2, second: 2})
    with pytest.raises(ValueError, match="look alike"):
        load(root / "both")


@pytest.mark.parametrize("names", [("images", "masks"), ("Images", "labels"), ("img", "gt")])
def test_images_and_their_masks_are_no_classes(root: Path, names: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="what belongs to them are no classes"):
        load(folder_of_classes(root, dict.fromkeys(names, 3)), test_share=0.3)


@pytest.mark.parametrize(
    ("image", "mask"),
    [("1.png", "1_mask.png"), ("benign (1).png", "benign (1)_mask_1.png"), ("x.jpg", "x_seg.PNG"),
     ("1.png", "masks/1.png"), ("images/1.png", "Masks/1.png"), ("p/1.png", "p/1-gt.png"),
     ("p/1.png", "p/mask_1.png"), ("1.png", "1_superpixels.png"), ("1.png", "1_label.png"),
     ("1.jpg", "1-150x150.jpg"), ("1.jpg", "1_thumb.png"), ("1.png", "1_Overlay_2.png")],
)  # fmt: skip
def test_masks_among_the_images_of_a_class_are_refused(root: Path, image: str, mask: str) -> None:
    folder_of_classes(root, {"a": 3, "b": 3})
    for i, name in enumerate((image, mask)):
        save(root / "b" / name, noise(90 + i))
    with pytest.raises(ValueError, match="may be the mask or annotation of another image"):
        load(root, test_share=0.3)


@pytest.mark.parametrize("name", ["1_mask.png", "face_mask.png", "masked/1.png", "mask 1.png"])
def test_an_image_of_a_mask_alone_is_an_image(root: Path, name: str) -> None:
    folder_of_classes(root, {"a": 3, "b": 3})
    save(root / "c" / name, noise(90))
    save(root / "c/other.png", noise(91))
    assert load(root, test_share=0.3)[0].classes == ("a", "b", "c")


def test_a_class_named_for_what_is_missing_is_mentioned(root: Path) -> None:
    _, messages = load(folder_of_classes(root, {"a": 3, "unlabeled": 3}), test_share=0.3)
    assert len(messages) == 1
    assert "the folder unlabeled is taken as a class" in messages[0]


SERVERS = ["@eaDir/0.png/SYNOPHOTO_THUMB.jpg", ".thumbnails/0.png", "__MACOSX/0.png",
           "#recycle/0.png", ".@__thumb/0.png", "$RECYCLE.BIN/0.png"]  # fmt: skip


@pytest.mark.parametrize("thumbnail", SERVERS)
@pytest.mark.parametrize("place", ["", "a", "a/deeper"])
def test_what_servers_keep_is_no_image_and_no_class(root: Path, thumbnail: str, place: str) -> None:
    folder_of_classes(root, CLASSES)
    before, _ = load(root, test_share=0.25)
    save(root / place / thumbnail, noise(0))
    (root / place / "Thumbs.db").touch()
    data, messages = load(root, test_share=0.25)
    assert data.content == before.content
    assert len(messages) == 1
    kept = "hidden" if thumbnail.startswith(".") else "in a folder that a file server or system"
    assert f"1 file is passed over: 1 {Path(thumbnail).suffix} ({kept}" in messages[0]


@pytest.mark.parametrize("mark", [".rayal", ".rayal-labels"])
@pytest.mark.parametrize("place", ["run", "a/run"])
def test_a_run_among_the_images_is_no_class_and_its_figures_are_no_images(
    root: Path, place: str, mark: str
) -> None:
    before = load(folder_of_classes(root, {"a": 4, "b": 4}), test_share=0.25)[0]
    save(root / place / "figures/curve.png", noise(90))
    (root / place / mark).touch()
    after, messages = load(root, test_share=0.25)
    assert after.content == before.content
    assert "1 .png (in the folder of a labeling project or run of rayal)" in messages[0]


@pytest.mark.parametrize("name", ["thumbs", "Thumbnails"])
def test_thumbnails_among_the_images_are_refused(root: Path, name: str) -> None:
    folder_of_classes(root, CLASSES)
    save(root / "a" / name / "0.jpg", noise(0))
    with pytest.raises(ValueError, match=f"a/{name} has images that may be thumbnails of others"):
        load(root, test_share=0.25)


@pytest.mark.parametrize("suffix", [".jfif", ".JPE", ".jif", ".apng", ".dib", ".jp2", ".avif"])
def test_images_have_many_suffixes(root: Path, suffix: str) -> None:
    folder_of_classes(root, CLASSES)
    formats = {".apng": "PNG", ".dib": "DIB", ".jp2": "JPEG2000", ".avif": "AVIF"}
    save(root / f"a/x{suffix}", noise(99), format=formats.get(suffix, "JPEG"))
    data, messages = load(root, test_share=0.25)
    assert len(data.train.labels) + len(data.test.labels) == 9
    assert messages == []


def dicom(path: Path) -> None:
    path.write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 100)


def misnamed(path: Path) -> None:
    save(path, noise(0), format="PNG")


def text(path: Path) -> None:
    path.write_text("a text")


@pytest.mark.parametrize(
    ("name", "make", "counted"),
    [
        ("scan.dcm", dicom, "1 .dcm (DICOM, which is not read: convert them"),
        ("IM0001", dicom, "1 without suffix (DICOM, which is not read: convert them"),
        ("1.2.840.113", dicom, "1 .113 (DICOM, which is not read: convert them"),
        ("x.jpg_large", misnamed, "1 .jpg_large (images by their content, but not by their suffix"),
        ("photo", misnamed, "1 without suffix (images by their content"),
        ("x.heic", text, "1 .heic (HEIC, which is not read"),
        ("x.nii.gz", text, "1 .nii.gz (volumes, which are not read"),
        ("more.zip", text, "1 .zip (archives: unpack them)"),
        ("slide.svs", text, "1 .svs (whole slides"),
        ("x.psd", text, "1 .psd (pictures of a format that is not read"),
        ("notes.txt", text, "1 .txt (not read as images)"),
        (".secret.png", text, "1 .png (hidden)"),
    ],
)
def test_files_passed_over_are_counted_by_suffix_and_reason(
    root: Path, name: str, make: Callable[[Path], None], counted: str
) -> None:
    folder_of_classes(root, CLASSES)
    make(root / "a" / name)
    _, messages = load(root, test_share=0.25)
    assert len(messages) == 1
    assert f"{root}: 1 file is passed over: {counted}" in messages[0]
    splits(root / "more", ("train", "test"))
    make(root / "more/test/b" / name)
    assert counted in load(root / "more")[1][0]


def test_a_class_of_files_that_are_not_read_says_so(root: Path) -> None:
    folder_of_classes(root, CLASSES)
    (root / "c").mkdir()
    for i in range(3):
        dicom(root / f"c/{i}.dcm")
    with pytest.raises(ValueError, match=r"c has no image: .*passed over: 3 \.dcm \(DICOM"):
        load(root, test_share=0.25)


def test_many_kinds_are_told_in_one_line(root: Path) -> None:
    folder_of_classes(root, CLASSES)
    for i in range(12):
        for n in range(i + 1):
            text(root / f"a/{n}.x{i:02d}")
    _, messages = load(root, test_share=0.25)
    assert "78 files are passed over: 12 .x11 (not read as images), 11 .x10" in messages[0]
    assert messages[0].endswith(", and 10 more")


@pytest.mark.parametrize("name", ["c", "v1"])
def test_a_class_that_is_a_dead_link_is_refused(root: Path, name: str) -> None:
    folder_of_classes(root, CLASSES)
    (root / name).symlink_to("../moved away")
    with pytest.raises(ValueError, match=f"{name} is a link (out of|to nothing)"):
        load(root, test_share=0.25)
    (root / name).unlink()
    (root / name).symlink_to("moved away")
    with pytest.raises(ValueError, match=f"{name} is a link to nothing"):
        load(root, test_share=0.25)


def test_a_folder_below_a_class_that_is_a_dead_link_is_refused(root: Path) -> None:
    folder_of_classes(root, CLASSES)
    (root / "a/more").symlink_to("moved")
    with pytest.raises(ValueError, match="a/more is a link to nothing"):
        load(root, test_share=0.25)
    (root / "a/more").unlink()
    (root / "a/notes.txt").symlink_to("moved")
    assert "1 .txt (links to nothing)" in load(root, test_share=0.25)[1][0]


def test_a_name_that_is_not_utf8_is_refused(root: Path) -> None:
    folder_of_classes(root, CLASSES)
    (root / "a").rename(root / b"caf\xe9".decode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=r"caf\\xe9' is not UTF-8, .*: rename it") as caught:
        load(root, test_share=0.25)
    str(caught.value).encode()


def test_a_class_whose_name_moves_the_cursor_is_refused(root: Path) -> None:
    folder_of_classes(root, {"a": 4, "b\x1b[2J": 4})
    with pytest.raises(ValueError, match=r"holds '\\x1b', which is not printed") as caught:
        load(root, test_share=0.25)
    assert str(caught.value).isprintable()


def test_a_folder_that_cannot_be_read_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of_classes(root, CLASSES)

    def denied(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.scandir", denied)
    with pytest.raises(ValueError, match=r"the folder .*cells cannot be read: permission denied"):
        load(root, test_share=0.25)


def test_images_that_are_enlarged_are_mentioned_each_time(root: Path) -> None:
    folder_of_classes(root, CLASSES)
    save(root / "a/large.png", noise(0, 20, 30))
    for _ in range(2):
        _, messages = load(root, test_share=0.25, size=12)
        text = "8 of 9 images are enlarged to size=12; the smallest has 6 x 6 pixels"
        assert messages == [f"{root}: {text}"]


def test_animations_and_pages_are_mentioned(root: Path) -> None:
    folder_of_classes(root, CLASSES)
    from PIL import Image

    for n, name in enumerate(("w.gif", "x.png", "y.webp", "z.tif")):
        frames = [Image.fromarray(noise(90 + 3 * n + i)) for i in range(3)]
        frames[0].save(root / "a" / name, save_all=True, append_images=frames[1:])
    _, messages = load(root, test_share=0.25)
    assert messages == [f"{root}: 4 of 12 files have several frames; the first is taken"]


def test_images_that_come_out_dark_are_mentioned(root: Path) -> None:
    """As where 12 bits of 16 are used."""
    for c in "ab":
        for i in range(3):
            twelve = noise(2 * i + (c == "b"))[..., 0].astype(np.uint16) * 16
            save(root / c / f"{i}.png", twelve)
    _, messages = load(root, test_share=0.3)
    assert len(messages) == 1
    assert "the brightest pixel of all images is 16 of 255" in messages[0]


@pytest.mark.parametrize("name", ["a - Copy", "a copy", "a (1)", "a - Copy (2)", "a.bak", "a_old"])
def test_a_copy_of_a_class_s_folder_is_no_class(root: Path, name: str) -> None:
    with pytest.raises(ValueError, match="may be a copy or an earlier version of a, and would be"):
        load(folder_of_classes(root, {"a": 3, "b": 3, name: 3}), test_share=0.3)


def test_numbers_in_brackets_tell_classes_apart_where_there_is_none_without(root: Path) -> None:
    data, _ = load(folder_of_classes(root, {"a (1)": 3, "a (2)": 3}), test_share=0.3)
    assert data.classes == ("a (1)", "a (2)")


def test_splits_within_the_classes_are_not_drawn_anew(root: Path) -> None:
    for name in ("a", "b"):
        folder_of_classes(root / name, {"Train": 3, "test": 2})
    with pytest.raises(ValueError, match=r"a has folders Train and test in it.*make .*train/a"):
        load(root, test_share=0.3)


def test_one_picture_in_two_formats_is_mentioned(root: Path) -> None:
    folder_of_classes(root, {"a": 3, "b": 3})
    save(root / "a" / "000.jpg", noise(50))
    _, messages = load(root, test_share=0.3)
    [message] = [message for message in messages if "but for the suffix" in message]
    assert "1 images have the name of another" in message
    assert "a/000.jpg and a/000.png" in message
