"""Which files of a folder are its images. All others are passed over, and counted."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from rayal.datasets._files.lookalikes import control_character
from rayal.datasets._files.passed_over import (
    DEAD_LINK,
    HIDDEN,
    OTHER,
    OWN_FOLDER,
    SERVER_FOLDER,
    PassedOver,
    is_hidden,
    suffix_of,
)
from rayal.storage.file_names import PROJECT_MARK, RUN_MARK

# Of the formats in `decode.FORMATS`.
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".png", ".apng", ".tif", ".tiff", ".bmp",
    ".dib", ".gif", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".j2c", ".jpc",
    ".jpf", ".jpx", ".avif", ".avifs",
})  # fmt: skip
_OWN_MARKS = (PROJECT_MARK, RUN_MARK)  # in folders with copies of images that rayal made
_SERVER_FOLDERS = frozenset({
    "__macosx", "@eadir", "#recycle", "@recycle", "@tmp", "#snapshot", "~snapshot",
    "@recently-snapshot", "$recycle.bin", "system volume information", "lost+found", "recycler",
    "_gsdata_", "__pycache__",
})  # fmt: skip


def raise_fault(path: str, message: str) -> None:
    """Raise what is wrong with a path as a ValueError."""
    raise ValueError(message)


def existing_folder(path: str) -> Path:
    """Return the folder that a sweep names, without links.

    Raises:
        FileNotFoundError: there is none.
        ValueError: its name, which is that of the dataset, is not UTF-8.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        place = "" if root.is_absolute() else f" in {Path.cwd()}"
        raise FileNotFoundError(f"there is no folder {root}{place}; name one by the parameter path")
    root = root.resolve()
    _check_name(str(root), root.name)
    return root


def list_images(
    folder: Path,
    root: Path,
    passed_over: PassedOver | None = None,
    fault: Callable[[str, str], None] = raise_fault,
) -> list[str]:
    """Return the images in a folder and those below it, as sorted paths relative to root.

    Other kinds of files, hidden ones, the folders that file servers keep thumbnails in and the
    folders of runs and labeling projects are passed over.

    Args:
        folder: to go through.
        root: that paths are relative to, and that no link may leave.
        passed_over: where these files are counted.
        fault: called with a path that cannot be read and the message that says so; where it
            returns, what lies there is left out.

    Raises:
        ValueError: by `fault`: a link leads out of root, to a folder or nowhere; something is no
            plain file; a folder cannot be read.
    """
    counts = PassedOver() if passed_over is None else passed_over
    paths = _walk(str(folder), root.resolve(), counts, fault)
    return sorted(Path(path).relative_to(root).as_posix() for path in paths)


def subfolders(folder: Path, root: Path, passed_over: PassedOver | None = None) -> dict[str, Path]:
    """Return the folders directly in a folder by name, sorted; names in Unicode's form NFC.

    Files beside them that are no images are counted in passed_over, images are not.

    Raises:
        ValueError: a link to a folder or to nothing, two names that are the same in NFC, or one
            that is not UTF-8; the folder cannot be read.
    """
    counts = PassedOver() if passed_over is None else passed_over
    folders: dict[str, Path] = {}
    for entry in sorted(_entries(str(folder)), key=lambda entry: entry.name):
        if not _is_folder(entry, root.resolve(), counts):
            continue
        name = nfc(entry.name)
        _check_name(entry.path, name)
        if name in folders:
            raise ValueError(f"{entry.path} and {folders[name]} have the same name: rename one")
        folders[name] = Path(entry.path)
    return folders


def nfc(name: str) -> str:
    """Return a name in the form that is equal wherever it was typed (macOS splits accents off)."""
    return unicodedata.normalize("NFC", name)


def is_image(name: str) -> bool:
    """Whether a file's name is that of an image: not hidden, and with a suffix known."""
    return not is_hidden(name) and suffix_of(name) in SUFFIXES


def _walk(
    folder: str, root: Path, counts: PassedOver, fault: Callable[[str, str], None]
) -> Iterator[str]:
    # A million files: scandir needs no further call to the system for most of them.
    for entry in _entries_or_fault(folder, fault):
        try:
            is_folder = _is_folder(entry, root, counts)
            if not is_folder and is_image(entry.name):
                _check_image(entry, root)
                yield entry.path
        except ValueError as error:
            fault(entry.path, str(error))
            continue
        if is_folder:
            yield from _walk(entry.path, root, counts, fault)


def _check_image(entry: os.DirEntry[str], root: Path) -> None:
    _check_link(entry, root)
    if not entry.is_file():
        raise ValueError(f"{entry.path} is no plain file: remove it")


def _entries_or_fault(folder: str, fault: Callable[[str, str], None]) -> list[os.DirEntry[str]]:
    try:
        return _entries(folder)
    except ValueError as error:
        fault(folder, str(error))
        return []


def _is_folder(entry: os.DirEntry[str], root: Path, counts: PassedOver) -> bool:
    """Whether an entry is a folder to go into; what is neither that nor an image is counted.

    Raises:
        ValueError: it is a link to a folder or to nothing, or cannot be looked at: a link in a
            circle, or into a folder that may not be entered.
    """
    try:
        return _is_entered(entry, root, counts)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ValueError(f"{entry.path} cannot be read: {reason}; remove it") from error


def _is_entered(entry: os.DirEntry[str], root: Path, counts: PassedOver) -> bool:
    if _is_kept_by_a_system(entry.name) and entry.is_dir(follow_symlinks=False):
        _count_images(entry.path, HIDDEN if is_hidden(entry.name) else SERVER_FOLDER, counts)
        return False
    if is_hidden(entry.name):
        if entry.is_file() and suffix_of(entry.name) in SUFFIXES:
            counts.add(entry.path)
        return False
    if entry.is_dir():
        _check_link(entry, root)
        if any(os.path.exists(f"{entry.path}/{mark}") for mark in _OWN_MARKS):  # noqa: PTH110
            _count_images(entry.path, OWN_FOLDER, counts)
            return False
        return True
    if not is_image(entry.name):
        _count_other(entry, root, counts)
    return False


def _count_other(entry: os.DirEntry[str], root: Path, counts: PassedOver) -> None:
    if entry.is_symlink():
        if not suffix_of(entry.name):
            _check_link(entry, root)  # it may have been a folder
        counts.add(entry.path, OTHER if entry.is_file() else DEAD_LINK)
    elif entry.is_file():
        counts.add(entry.path)
    else:
        counts.add(entry.path, "no plain files")


def _count_images(folder: str, reason: str, counts: PassedOver) -> None:
    for parent, _, files in os.walk(folder):
        for name in files:
            if suffix_of(name) in SUFFIXES and not name.startswith("._"):
                counts.add(f"{parent}/{name}", reason)


def _is_kept_by_a_system(name: str) -> bool:
    return is_hidden(name) or name.lower() in _SERVER_FOLDERS


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise ValueError(
            f"the folder {folder} cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error


def _check_name(path: str, name: str) -> None:
    if character := control_character(name):
        raise ValueError(
            f"the name of the folder {path!a} holds {character!a}, which is not printed, and "
            "classes and datasets are named after folders: rename it"
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"the name of the folder {os.fsencode(path)!r} is not UTF-8, and classes and datasets "
            "are named after folders: rename it"
        ) from None


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
