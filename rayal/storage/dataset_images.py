"""What a report shows of a pool's images: true classes and small pictures, kept once a dataset.

    DIR/datasets/NAME-CONTENT/   labels.npy      (N,) int, -1 where unknown; of several (N, C)
                                 thumbnails.npy  (N, H, W) or (N, H, W, 3) uint8; may be absent
                                 files.csv       index, path; of data that come in files

Runs of earlier versions hold both files in the artifact of each encoder; `stored_images` finds them
there too.
"""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.storage.arrays import map_array, write_array
from rayal.storage.artifacts import ArtifactStore
from rayal.storage.csv_lines import csv_text
from rayal.storage.file_names import shortened
from rayal.storage.files import DamagedError, files_of
from rayal.storage.location import Location

FILES = "files.csv"


class StoredImages:
    """The images of a pool, by the folder that holds their files. Arrays are memory-mapped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """True classes (N,), -1 where unknown; None where absent or damaged.

        Of several classes an image (N, C) of 0 and 1.
        """
        return _map_array(self._folder / "labels.npy", dimensions=(1, 2))

    @property
    def thumbnails(self) -> npt.NDArray[np.uint8] | None:
        """Pictures (N, H, W) or (N, H, W, 3); None where absent or damaged."""
        return _map_array(self._folder / "thumbnails.npy", dimensions=(3, 4))

    @cached_property
    def files(self) -> list[str] | None:
        """Names (N,) of the images' files; None where they have none."""
        try:
            with (self._folder / FILES).open(encoding="utf-8", newline="") as file:
                return [row["path"] for row in csv.DictReader(file)]
        except (OSError, ValueError, KeyError, csv.Error):
            return None


class DatasetImages:
    """Reads and writes the images of one run's datasets."""

    def __init__(self, root: Location) -> None:
        self._root = root / "datasets"
        self._artifacts = ArtifactStore(root)

    def folder(self, name: str, content: str) -> Location:
        """Where the images of a dataset lie, by its name and the hash of its content."""
        readable = re.sub(r"[^\w.-]+", "_", name)
        return self._root / f"{shortened(readable)}-{content}"

    def are_complete(self, name: str, content: str) -> bool:
        return files_of(self._root).is_complete(self.folder(name, content))

    def labels(self, name: str, content: str) -> npt.NDArray[np.int64] | None:
        """Return a dataset's true labels (N,) or (N, C); None where they are not on this disk."""
        folder = self.folder(name, content)
        if not isinstance(folder, Path) or self._damage(folder):
            return None
        return StoredImages(folder).labels

    def set_aside_damaged(self, name: str, content: str) -> str:
        """Give images that are not what was written another name; say what was wrong with them.

        Returns "" where nothing is wrong. In an object store they are looked at where they are
        fetched, not here.
        """
        folder, files = self.folder(name, content), files_of(self._root)
        if not isinstance(folder, Path) or not files.has_dir(folder):
            return ""
        damage = self._damage(folder)
        if not damage:
            return ""
        return f"{damage}: it lies in {files.set_aside(folder)} now, and is made again"

    def _damage(self, folder: Path) -> str:
        if not folder.is_dir():
            return f"{folder} is no folder"
        try:
            files_of(self._root).local_copy(folder)
        except DamagedError as error:
            return str(error).partition("; ")[0]
        if StoredImages(folder).labels is None:  # of a version that wrote no hashes
            return f"{folder} is damaged (labels.npy cannot be read)"
        return ""

    def are_kept(self, key: str, name: str, content: str) -> bool:
        """Whether an artifact's images are there, or in it, as earlier versions kept them."""
        within = self._artifacts.folder(key) / "labels.npy"
        return self.are_complete(name, content) or files_of(self._root).exists(within)

    def save(
        self,
        name: str,
        content: str,
        labels: npt.NDArray[np.int64],
        thumbnails: npt.NDArray[np.uint8] | None,
        files: Sequence[str] | None = None,
    ) -> None:
        """Keep labels (N,) or (N, C), pictures (N, H, W[, 3]) and names of files (N,).

        Where another process was first, what it kept stays.
        """
        with files_of(self._root).create_dir_atomic(self.folder(name, content)) as folder:
            write_array(folder / "labels.npy", labels)
            if thumbnails is not None:
                write_array(folder / "thumbnails.npy", thumbnails)
            if files is not None:
                _write_files(folder / FILES, files)

    def stored_images(self, key: str) -> StoredImages | None:
        """Return the images that an artifact's embedding is of; None where there is no artifact.

        From an object store they are fetched, once a machine.
        """
        folder = self._artifacts.local_copy(key)
        if folder is None:
            return None
        if (folder / "about.json").is_file():
            about = self._artifacts.about(key)
            name, content = str(about.get("dataset")), str(about.get("content"))
            if self.are_complete(name, content):
                with contextlib.suppress(DamagedError):
                    return StoredImages(files_of(self._root).local_copy(self.folder(name, content)))
        return StoredImages(folder)


def _write_files(path: Path, files: Sequence[str]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(csv_text([("index", "path"), *enumerate(files)]))


def _map_array(path: Path, dimensions: Sequence[int]) -> npt.NDArray[Any] | None:
    try:
        array = map_array(path)
    except (OSError, ValueError, EOFError):
        return None
    return array if array.ndim in dimensions else None
