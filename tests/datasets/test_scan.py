import os
import unicodedata
from pathlib import Path

import pytest

from rayal.datasets._files.scan import list_images, subfolders


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_images_are_found_in_folders_below_and_sorted(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("c/b.JPEG", "c/a.png", "c/d/e.Tif", "f.webp")))
    assert list_images(tmp_path, tmp_path) == ["c/a.png", "c/b.JPEG", "c/d/e.Tif", "f.webp"]
    assert list_images(tmp_path / "c/d", tmp_path) == ["c/d/e.Tif"]


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    names = (
        ".DS_Store",
        "Thumbs.db",
        "notes.txt",
        "._a.jpg",
        ".git/a.png",
        "__MACOSX/a.png",
        "png",
    )
    touch(*(tmp_path / name for name in names))
    assert list_images(tmp_path, tmp_path) == []
    assert subfolders(tmp_path, tmp_path) == {}


def test_names_of_folders_are_sorted_and_equal_however_accents_are_written(tmp_path: Path) -> None:
    apart = unicodedata.normalize("NFD", "é")
    for name in ("z", apart, "日本", "A"):
        (tmp_path / name).mkdir()
    assert list(subfolders(tmp_path, tmp_path)) == ["A", "é", "z", "日本"]
    (tmp_path / "é").mkdir()
    with pytest.raises(ValueError, match="have the same name"):
        subfolders(tmp_path, tmp_path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    touch(tmp_path / "outside/b.png", tmp_path / "root/a.png", tmp_path / "root/c/d.png")
    return tmp_path / "root"


def test_a_link_to_a_file_inside_is_followed(root: Path) -> None:
    (root / "link.png").symlink_to(root / "c/d.png")
    assert list_images(root, root) == ["a.png", "c/d.png", "link.png"]


@pytest.mark.parametrize(
    ("target", "message"),
    [("../outside/b.png", "out of"), ("../outside", "out of"), ("c", "to a folder"),
     ("nowhere.png", "to nothing"), (".", "to a folder"), ("/etc", "out of")],
)  # fmt: skip
def test_other_links_are_refused_by_name(root: Path, target: str, message: str) -> None:
    (root / "link.png").symlink_to(target)
    with pytest.raises(ValueError, match=rf"link\.png is a link {message}"):
        list_images(root, root)


def test_a_link_to_a_folder_is_no_class(root: Path) -> None:
    (root / "link").symlink_to("../outside")
    with pytest.raises(ValueError, match="link is a link out of"):
        subfolders(root, root)


def test_a_link_that_is_no_image_is_passed_over(root: Path) -> None:
    (root / "readme.txt").symlink_to("/etc/passwd")
    assert list_images(root, root) == ["a.png", "c/d.png"]


def test_a_pipe_is_refused_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe.jpg")
    with pytest.raises(ValueError, match=r"pipe\.jpg is no plain file"):
        list_images(root, root)


@pytest.mark.parametrize("name", ["circle.png", "circle"])
def test_a_link_in_a_circle_is_refused_by_name(root: Path, name: str) -> None:
    (root / name).symlink_to(name)
    with pytest.raises(ValueError, match=f"{name} cannot be read: too many levels of symbolic"):
        list_images(root, root)
    with pytest.raises(ValueError, match=f"{name} cannot be read: too many levels of symbolic"):
        subfolders(root, root)
