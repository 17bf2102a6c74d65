"""Which files of a folder are its images. Files that are no images are passed over."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jp2", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp",
    ".ppm", ".pgm", ".pbm", ".pnm",
})  # fmt: skip
_JUNK = frozenset({"__MACOSX"})


def existing_folder(path: str) -> Path:
    """Return the folder that a sweep names, without links; FileNotFoundError if there is none."""
    root = Path(path).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}; name one by the parameter path")
    return root.resolve()


def list_images(folder: Path, root: Path) -> list[str]:
    """Return the images in a folder and those below it, as sorted paths relative to root.

    Hidden files (.DS_Store, ._photo.jpg), other kinds of files (Thumbs.db, notes.txt) and hidden
    folders are passed over.

    Raises:
        ValueError: a link leads out of root, to a folder or nowhere; something is no plain file.
    """
    found = (Path(path).relative_to(root).as_posix() for path in _walk(str(folder), root.resolve()))
    return sorted(found)


def subfolders(folder: Path, root: Path) -> dict[str, Path]:
    """Return the folders directly in a folder by name, sorted; names in Unicode's form NFC.

    Raises:
        ValueError: a link to a folder, or two names that are the same in NFC.
    """
    found: dict[str, Path] = {}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if _passed_over(entry.name) or not entry.is_dir():
            continue
        _check_link(entry, root.resolve())
        name = nfc(entry.name)
        if name in found:
            raise ValueError(f"{entry.path} and {found[name]} have the same name: rename one")
        found[name] = Path(entry.path)
    return found


def nfc(name: str) -> str:
    """Return a name in the form that is equal wherever it was typed (macOS splits accents off)."""
    return unicodedata.normalize("NFC", name)


def is_image(name: str) -> bool:
    """Whether a file's name is that of an image: not hidden, and with a suffix known."""
    return not _passed_over(name) and os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122


def _walk(folder: str, root: Path) -> Iterator[str]:
    # A million files: scandir needs no further call to the system for most of them.
    with os.scandir(folder) as entries:
        for entry in entries:
            if _passed_over(entry.name):
                continue
            if entry.is_dir():
                _check_link(entry, root)
                yield from _walk(entry.path, root)
            elif is_image(entry.name):
                _check_link(entry, root)
                if not entry.is_file():
                    raise ValueError(f"{entry.path} is no plain file: remove it")
                yield entry.path


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name in _JUNK


def _check_link(entry: os.DirEntry[str], root: Path) -> None:
    if not entry.is_symlink():
        return
    target = Path(os.path.realpath(entry.path))
    wrong = ""
    if not target.is_relative_to(root):
        wrong = f"out of {root}"
    elif target.is_dir():
        wrong = "to a folder"
    elif not target.exists():
        wrong = "to nothing"
    if wrong:
        raise ValueError(f"{entry.path} is a link {wrong}; put the file itself there, or remove it")
