"""What a labeling project was made with: DIR/project.json."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rayal.labeling.errors import LabelingError
from rayal.labeling.own_files import damaged, read_object
from rayal.storage.atomic import write_bytes

FORMAT = 2  # up to which is read
ONE_CLASS = 1  # the format of a project of one class an image, which earlier versions read too
SourceKind: TypeAlias = Literal["folder", "table", "features"]


@dataclass(frozen=True)
class Source:
    """Where the images come from.

    kind: a folder, a table that lists files, or features without images. given: as it was typed.
    absolute, relative: of it, from the root of the disk and from the project's folder: either may
    be moved. columns: the table's names of path, group, label and split, where it has them.
    group_pattern: a regular expression whose first group names an image's group by its path.
    """

    kind: SourceKind
    given: str
    absolute: str
    relative: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    group_pattern: str = ""


@dataclass(frozen=True)
class Settings:
    """The choices of a project; they hold for all of its rounds.

    project: its own name, which every export carries. encoder: name and parameters. strategy: name
    and parameters, "" for the default. per_group: at most so many images of a group and round.
    classes: those that were named beforehand. multilabel: whether an image may have several of
    them; then they are all that there are.
    """

    source: Source
    encoder: Mapping[str, Any] = field(default_factory=dict)
    strategy: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    per_group: int | None = None
    classes: tuple[str, ...] = ()
    project: str = field(default_factory=lambda: f"project_{uuid.uuid4().hex[:12]}")
    multilabel: bool = False

    @property
    def format(self) -> int:
        """Of the file."""
        return FORMAT if self.multilabel else ONE_CLASS


def write_settings(path: Path, settings: Settings) -> None:
    """Write them completely or not at all."""
    content = asdict(settings) | {"format": settings.format}
    if not settings.multilabel:
        del content["multilabel"]
    write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())


def read_settings(path: Path) -> Settings:
    """Read what `write_settings` wrote.

    Raises:
        LabelingError: there is no such file, or it is of a later format or damaged.
    """
    try:
        content = read_object(path)
        if (number := content.pop("format")) > FORMAT:
            raise LabelingError(
                f"{path} is of format {number}, and this version reads up to {FORMAT}; "
                "install a later rayal"
            )
        content["source"] = Source(**content["source"])
        content["classes"] = tuple(content["classes"])
        return Settings(**content)
    except FileNotFoundError as error:
        raise LabelingError(
            f"there is no {path}; make one: rayal select IMAGES --out DIR"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, LabelingError):
            raise
        raise damaged(path, error) from error


def describe_source(kind: SourceKind, path: str, root: Path, **more: Any) -> Source:
    """Return a source with its places; given: a path; root: the project's folder."""
    absolute = Path(path).expanduser().resolve()
    relative = os.path.relpath(absolute, root.resolve())
    return Source(kind, path, str(absolute), relative, **more)


def find_source(source: Source, root: Path) -> Path:
    """Return where a source lies now: its place, or that relative to the project's folder.

    Raises:
        LabelingError: it is at neither.
    """
    for place in (Path(source.absolute), root / source.relative):
        if place.exists():
            return place.resolve()
    raise LabelingError(
        f"the images are no longer at {source.absolute}; put them back, or name their new place: "
        f"rayal select {root} --images-moved-to PATH"
    )
