"""Where the files of published datasets lie, and how they are fetched."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from rayal.storage import reachable

DEFAULT_FOLDERS = ("~/.cache/rayal/data", "~/.torch", "data")


def data_folders(root: str) -> list[Path]:
    """Return the folders to look in: the one given, else RAYAL_DATA, else the usual ones."""
    named = root or os.environ.get("RAYAL_DATA", "")
    return [Path(folder).expanduser() for folder in ([named] if named else DEFAULT_FOLDERS)]


def find_or_fetch(
    root: str, marker: str, by_hand: str, fetch: Callable[[Path], object] | None = None
) -> Path:
    """Return the first folder that has `marker`, fetching it where it is absent.

    Args:
        root: the folder to look in; "" is RAYAL_DATA, or the usual ones.
        marker: a file or folder that the dataset has, relative to the folder.
        by_hand: the way to get it, in words; "{folder}" in it is where to.
        fetch: downloads into a folder; None: that was not asked for.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
    """
    folders = data_folders(root)
    for folder in folders:
        if reachable.exists(folder / marker):
            return folder
    first, *others = folders
    way = by_hand.format(folder=first)
    if fetch is None:
        also = f" (nor in {', '.join(map(str, others))})" if others else ""
        raise FileNotFoundError(
            f"there is no {first / marker}{also}; {way}; the parameter root, or RAYAL_DATA, names "
            "another folder"
        )
    _fetch(first, marker, way, fetch)
    return first


def check_complete(name: str, folder: Path, present: Mapping[str, int], published: object) -> None:
    """Raise ValueError unless every split has its published number of images."""
    if dict(present) != published:
        raise ValueError(
            f"{name} in {folder} has {dict(present)} images, and {published} were published: files "
            "are missing or too many; remove the folder and get it again (a part of a dataset can "
            "be loaded by image_folder)"
        )


def _fetch(folder: Path, marker: str, way: str, fetch: Callable[[Path], object]) -> None:
    why = "it is not in what was fetched"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fetch(folder)
    except (OSError, RuntimeError) as error:
        why = str(error)
    if not reachable.exists(folder / marker):
        raise FileNotFoundError(
            f"there is no {folder / marker}, and it cannot be fetched from here ({why}); where "
            f"there is a network: {way}"
        )
