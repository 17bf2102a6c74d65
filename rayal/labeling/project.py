"""A labeling project: a folder DIR that `rayal select` makes and every other command reads.

DIR/.rayal-labels   says that this folder is a labeling project; others are not written to
DIR/project.json    what it was made with
DIR/pool.csv, left_out.csv, features.npy, rounds/, answers.jsonl
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from rayal.contracts import Features
from rayal.labeling import pictures
from rayal.labeling.errors import LabelingError
from rayal.labeling.labels import LabelLog
from rayal.labeling.own_files import read_object
from rayal.labeling.pool import ImagePool, LeftOut, read_left_out, read_pool
from rayal.labeling.pool_features import read_features
from rayal.labeling.rounds import Round, read_rounds
from rayal.labeling.settings import (
    Settings,
    find_source,
    read_settings,
    write_settings,
)
from rayal.storage.atomic import LockedError, is_leftover, lock, remove_leftovers, write_bytes
from rayal.storage.file_names import PROJECT_MARK

SETTINGS, PUBLISHED, PREVIEWS = "project.json", "published.json", "previews"
LOCK = ".lock"
PATIENCE = 0.5  # seconds: whoever makes a project's settings, or reads labels, holds it for less
FORMAT = 1


class ProjectExistsError(LabelingError):
    """A project was to be made where there is one."""


class Project:
    """One project's files. Reading needs no lock; whoever writes rounds holds `locked`."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root = root
        self.settings = settings

    @classmethod
    def create(cls, root: Path, settings: Settings) -> Project:
        """Make a project in a new or empty folder.

        Raises:
            ProjectExistsError: the folder holds a project already.
            LabelingError: it holds something else, or another process makes a project there.
            OSError: it cannot be written to.
        """
        if not is_project(root) and root.is_dir() and any(map(_is_foreign, root.iterdir())):
            raise LabelingError(
                f"{root} is not empty and no labeling project; name a new folder by --out"
            )
        root.mkdir(parents=True, exist_ok=True)
        with _held(root):
            if (root / SETTINGS).is_file():
                raise ProjectExistsError(f"{root} is a labeling project already")
            write_bytes(root / PROJECT_MARK, f"rayal labeling project, format {FORMAT}\n".encode())
            write_settings(root / SETTINGS, settings)
        return cls.open(root)

    @classmethod
    def open(cls, root: Path) -> Project:
        """Open a project that is there.

        Raises:
            LabelingError: there is none, or it is damaged or of a later version.
        """
        if not is_project(root):
            raise LabelingError(
                f"{root} is not a labeling project, which is a folder that rayal select writes, "
                "such as cells-labels"
            )
        return cls(root, read_settings(root / SETTINGS))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the project against other commands that write rounds, and tidy up after kills.

        Raises:
            LabelingError: another process holds it, or has written other settings since this
                project was opened.
        """
        with _held(self.root):
            if read_settings(self.root / SETTINGS) != self.settings:
                raise LabelingError(
                    f"{self.root / SETTINGS} was written by another command meanwhile: look at it, "
                    "and run the same command again"
                )
            remove_leftovers(self.root / "rounds")
            remove_leftovers(self.root / PREVIEWS)
            yield

    @property
    def is_ready(self) -> bool:
        """Whether the pool was read to its end."""
        return (self.root / "pool.csv").is_file()

    @cached_property
    def pool(self) -> ImagePool:
        """The images, in the order of the features.

        Raises:
            LabelingError: the pool was not read to its end.
        """
        if not self.is_ready:
            raise LabelingError(
                f"the images of {self.root} were not read to their end; go on with: "
                f"rayal select {self.root} --budget B"
            )
        return read_pool(self.root / "pool.csv")

    @property
    def left_out(self) -> list[LeftOut]:
        """Files that are not in the pool, and why."""
        return read_left_out(self.root / "left_out.csv")

    @cached_property
    def features(self) -> Features:
        """Features (N, D), rows as in the pool, memory-mapped and read-only.

        Raises:
            LabelingError: they are damaged, or of another pool.
        """
        return read_features(self.root, self.pool.ids)

    @property
    def rounds(self) -> list[Round]:
        """All rounds so far, the first one first.

        Raises:
            LabelingError: one is missing or damaged: its audit images would train.
        """
        rounds = read_rounds(self.root / "rounds")
        if (last := self.published) > len(rounds):
            raise LabelingError(
                f"{self.root / 'rounds'} has {len(rounds)} rounds, and round {last} was made: "
                f"restore {last:03d}.json"
            )
        return rounds

    @property
    def published(self) -> int:
        """Number of the round whose files were made last, 0 where that is not known."""
        try:
            number = read_object(self.root / PUBLISHED).get("round")
        except (FileNotFoundError, LabelingError):  # it is made again with the files
            return 0
        return number if isinstance(number, int) else 0

    @cached_property
    def labels(self) -> LabelLog:
        """The log of answers."""
        return LabelLog(self.root / "answers.jsonl")

    @property
    def unanswered(self) -> int:
        """Number of chosen images about which nobody has said anything yet."""
        return len({rayal_id for made in self.rounds for rayal_id in made.ids}
                   - self.labels.standing().keys())  # fmt: skip

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of classes, those named beforehand first, then the others as answers brought them.

        Where an image may have several classes there are no others.
        """
        answered = (answer.label for answer in self.labels.all() if answer.label is not None)
        return tuple(dict.fromkeys([*self.settings.classes, *answered]))

    @cached_property
    def source(self) -> Path:
        """Where the images lie now, the folder that paths are relative to.

        Raises:
            LabelingError: they were moved away.
        """
        place = find_source(self.settings.source, self.root)
        return place if place.is_dir() else place.parent

    @property
    def has_images(self) -> bool:
        """Whether there are pictures to show; not of features alone."""
        return self.settings.source.kind != "features"

    def image_path(self, rayal_id: str) -> Path:
        """Return the file of an image, which may have gone meanwhile.

        Raises:
            LabelingError: no image of the pool has that id, or there are features alone.
        """
        row = self.pool.position.get(rayal_id)
        if row is None:
            raise LabelingError(f"no image of {self.root} has the id {rayal_id!r}")
        if not self.has_images:
            raise LabelingError(f"{self.root} has features alone, and no images")
        return self.source / self.pool[row].path

    def thumbnail(self, rayal_id: str, side: int) -> bytes:
        """Return an image as PNG or JPEG that fits into side x side pixels.

        `rayal.labeling.pictures.media_type` tells which it is.

        Raises:
            LabelingError: as `image_path`.
            ValueError: the file has gone or cannot be read any more.
        """
        return pictures.thumbnail(self.image_path(rayal_id), side)


@contextlib.contextmanager
def _held(root: Path) -> Iterator[None]:
    """Hold a folder against other processes, without what killed ones left right in it.

    Raises:
        LabelingError: another process holds it.
    """
    try:
        with lock(root / LOCK, wait=False, patience=PATIENCE):
            remove_leftovers(root)
            yield
    except LockedError as error:
        raise LabelingError(f"{root} is in use by {error}; wait for it") from error


def _is_foreign(path: Path) -> bool:
    """Whether a file is none that a process leaves which is killed while it makes a project."""
    return path.name != LOCK and not is_leftover(path, PROJECT_MARK)


def is_project(root: Path) -> bool:
    """Whether a folder is a labeling project."""
    return (root / PROJECT_MARK).is_file()
