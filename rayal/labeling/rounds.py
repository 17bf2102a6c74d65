"""Rounds: which images were chosen when, by what, and why. DIR/rounds/001.json and on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rayal.labeling.errors import LabelingError
from rayal.labeling.own_files import damaged, read_object
from rayal.storage.atomic import write_bytes

FORMAT = 1
_NAME = re.compile(r"[0-9]+\.json")
Purpose: TypeAlias = Literal["audit", "selection"]


@dataclass(frozen=True)
class Chosen:
    """One image of a round.

    rank: from 1; the images to audit come first. reason: in words. represents: how many images of
    the pool are nearer to it than to any other chosen or labeled one. nearest_labeled: id of the
    labeled image next to it, "" where none was labeled. predicted, confidence: class and its
    probability by the classifier of the labels so far, "" and 0 where there was none.
    """

    rank: int
    rayal_id: str
    purpose: Purpose = "selection"
    reason: str = ""
    represents: int = 1
    nearest_labeled: str = ""
    predicted: str = ""
    confidence: float = 0.0


@dataclass(frozen=True)
class Round:
    """A choice of images.

    number: from 1. strategy: name and parameters that chose, as they were. labels: how many images
    had one. notes: what a person should know of the choice.
    """

    number: int
    chosen: tuple[Chosen, ...]
    strategy: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    budget: int = 0
    audit: int = 0
    labels: int = 0
    made_at: str = ""
    notes: tuple[str, ...] = ()
    format: int = FORMAT

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(image.rayal_id for image in self.chosen)

    @property
    def audit_ids(self) -> tuple[str, ...]:
        """Those drawn at random to estimate the accuracy with; they train nothing."""
        return tuple(image.rayal_id for image in self.chosen if image.purpose == "audit")


def write_round(folder: Path, round_: Round) -> None:
    """Write a round completely or not at all."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{round_.number:03d}.json"
    write_bytes(path, (json.dumps(asdict(round_), indent=1) + "\n").encode())


def read_rounds(folder: Path) -> list[Round]:
    """Return all rounds, the first one first.

    Raises:
        LabelingError: a file of them is damaged or of a later format, or one is missing.
        OSError: the folder may not be read.
    """
    try:
        names = [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    except FileNotFoundError:
        return []
    paths = sorted((folder / name for name in names), key=lambda path: int(path.stem))
    rounds = [_read(path) for path in paths]
    _check_numbers(folder, rounds)
    return rounds


def _read(path: Path) -> Round:
    try:
        content = read_object(path)
        if content["format"] > FORMAT:
            raise LabelingError(f"{path} is of a later format; install a later rayal")
        content["chosen"] = tuple(Chosen(**row) for row in content["chosen"])
        content["notes"] = tuple(content["notes"])
        return Round(**content)
    except LabelingError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, error) from error


def _check_numbers(folder: Path, rounds: Sequence[Round]) -> None:
    numbers = [round_.number for round_ in rounds]
    if numbers != list(range(1, len(rounds) + 1)):
        raise LabelingError(f"{folder} holds the rounds {numbers}: one is missing; restore it")
