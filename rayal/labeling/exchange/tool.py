"""What a labeling tool is given and what it gives back; the decorator that registers one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from rayal.labeling.answers import Action, Source
from rayal.labeling.class_names import NONE
from rayal.labeling.errors import LabelingError
from rayal.labeling.spreadsheet import why_no_labels


@dataclass(frozen=True)
class Entry:
    """One image of a round, as tools are given it.

    path: relative to the images' folder. file: that a browser can show: the image itself, or a
    preview of 8 bits; None where there are features alone.
    """

    rank: int
    rayal_id: str
    path: str
    group: str
    reason: str
    represents: int
    nearest_labeled: str
    purpose: str
    width: int
    height: int
    file: Path | None
    predicted: str = ""
    confidence: float = 0.0


@dataclass(frozen=True)
class Sheet:
    """A round as tools are given it.

    root: the project's folder. images: the folder of the images. project: its name, which comes
    back with exports. multilabel: whether an image may have several of the classes, or none.
    """

    root: Path
    images: Path
    project: str
    round: int
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    multilabel: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """What a person may choose from, the classes, and NONE where there may be none."""
        return (*self.classes, NONE) if self.multilabel else self.classes


@dataclass(frozen=True)
class Returned:
    """What a tool's file says of one image.

    place: where in the file it stands. rayal_id: "" where the file has none; then the path counts.
    For the action "label" alone, label: the class, as the file has it; or classes: several of them,
    and () where the file says that there is none. action "withdraw" says that the file knows the
    image and has no label of this annotator. at: when it was said, ISO 8601. changed_at: when the
    tool last changed what it holds of the image, "" where the file does not say: a label that was
    given later is not withdrawn by it.
    """

    place: str
    rayal_id: str
    path: str
    action: Action
    label: str | None = None
    by: str = ""
    at: str = ""
    seconds: float | None = None
    classes: tuple[str, ...] | None = None
    changed_at: str = ""

    @property
    def is_answer(self) -> bool:
        """Whether it says what the image is."""
        return self.action in ("label", "not_usable")


@dataclass
class Import:
    """All that a file says. refused: places whose meaning is not certain, each with the reason.

    what: the format's word for the labels of an image. one_class: why the format cannot say several
    classes of an image, "" where it can.

    class_columns: names of columns that hold 0 or 1 for each image. other_columns: name -> a place
    of it with something else, of a table with class_columns. beside_label: names of further columns
    of a table with a column of labels.
    """

    source: Source
    returned: list[Returned] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    projects: set[str] = field(default_factory=set)
    class_columns: tuple[str, ...] = ()
    other_columns: dict[str, str] = field(default_factory=dict)
    beside_label: tuple[str, ...] = ()
    what: str = "labels"
    one_class: str = ""


class Tool(Protocol):
    """One labeling tool."""

    def write(self, sheet: Sheet) -> str:
        """Write a round's files into the project's folder; return what to do with them.

        Nothing is written and "" returned where the tool cannot be given such a round.
        """

    def recognizes(self, path: Path) -> bool:
        """Whether a file or folder is an export of this tool."""

    def read(self, path: Path) -> Import:
        """Read an export.

        Raises:
            LabelingError: it is damaged.
        """


Kind = TypeVar("Kind", bound=type[Tool])
_TOOLS: dict[str, Tool] = {}


def tool(name: str) -> Callable[[Kind], Kind]:
    """Register a class of a tool under a name."""

    def register(kind: Kind) -> Kind:
        _TOOLS[name] = kind()
        return kind

    return register


def tools() -> Mapping[str, Tool]:
    """Return all tools by name; the modules of this folder are imported on the first call."""
    package = importlib.import_module("rayal.labeling.exchange")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return {name: _TOOLS[name] for name in sorted(_TOOLS)}


def read_export(path: Path) -> Import:
    """Read what any of the tools exported.

    Raises:
        LabelingError: there is no such file, or no tool's export looks like it.
    """
    if not path.exists():
        raise LabelingError(f"there is no file {path}")
    fitting = {name: tool for name, tool in tools().items() if tool.recognizes(path)}
    if len(fitting) != 1:
        which = f"of {' and '.join(fitting)} both" if fitting else "of none"
        if not fitting and (reason := why_no_labels(path)):
            raise LabelingError(reason)
        raise LabelingError(
            f"{path} looks like an export {which} of the tools that are read: Label Studio (JSON, "
            "JSON_MIN, CSV), CVAT for images 1.1 (XML, or a zip with it), COCO (JSON), labels.csv "
            "filled in, a CSV with a column of 0 and 1 for each class, or a folder with a folder "
            "for each class"
        )
    return next(iter(fitting.values())).read(path)
