"""What `rayal select` is asked of shards of features: read, and refused before anything is made."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayal.cli.component_parameters import component_parameters
from rayal.cli.place_options import check_place_options
from rayal.datasets._files.csv_table import first_lines, read_csv
from rayal.datasets._files.lookalikes import tidy
from rayal.distributed.request_checks import (
    UNKNOWN,
    check_budget,
    check_holdings,
    check_memory,
    check_params,
    overhead_of,
)
from rayal.distributed.strategies import find_strategy
from rayal.labeling.errors import LabelingError
from rayal.storage.location import parse_location

OPTIONS = (
    "images",
    "budget",
    "out",
    "strategy",
    "seed",
    "set",
    "labeled",
    "memory",
    "address",
    "workers",
)
DEFAULT_STRATEGY = "kmeans"
_UNITS = {"": 1, "b": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_UNITS |= {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
CONTENT = "content"  # of the shards, in selection.json


@dataclass(frozen=True)
class ShardRequest:
    """What is asked.

    place: of the shards. labels: id -> class. memory: bytes, None without a bound. out: the folder
    of the answer. seed, budget: as given.
    """

    place: str
    strategy: str
    params: Mapping[str, Any]
    labels: Mapping[str, int]
    memory: int | None
    out: Path
    budget: int
    seed: int

    @property
    def described(self) -> dict[str, Any]:
        """What selection.json says of the request, beside the content of the shards."""
        return {
            "shards": self.place,
            "strategy": self.strategy,
            "params": dict(self.params),
            "budget": self.budget,
            "seed": self.seed,
            "labels": hashlib.sha256(json.dumps(sorted(self.labels.items())).encode()).hexdigest(),
        }

    def check_free(self, content: str | None) -> None:
        """Refuse a folder with another choice; the same may be made again.

        content: of the shards, None where they are not there yet.

        Raises:
            LabelingError: why the choice that is there may be another.
        """
        if self.out.exists() and not self.out.is_dir():
            raise LabelingError(f"{self.out} is a file: give --out a folder")
        if not (self.out / "chosen.csv").exists():
            return
        try:
            earlier = json.loads((self.out / "selection.json").read_bytes())
        except (OSError, ValueError, RecursionError):
            earlier = None
        if not isinstance(earlier, dict) or not self.described.items() <= earlier.items():
            what = "of another request"
        elif CONTENT not in earlier:
            what = "written before the content of the shards was noted, which may have been others"
        elif content is not None and earlier[CONTENT] != content:
            what = f"of the shards that were at {self.place} then: they have been made anew since"
        else:
            return
        raise LabelingError(
            f"{self.out} has a chosen.csv {what}, which would be lost: give --out another folder, "
            "or move it away"
        )

    def check_of_images(self) -> None:
        """Refuse what no features of images can answer, before they are made.

        Raises:
            ValueError: why.
        """
        chooser = find_strategy(self.strategy)
        check_params(self.strategy, chooser, self.params)
        what = "what is encoded from images"
        check_holdings(self.strategy, chooser, self.params, 0, False, what)
        self.check_free(None)

    def check_paths(self, paths: Sequence[str]) -> None:
        """Refuse what so many images cannot answer, before they are encoded; paths: their ids.

        Raises:
            ValueError: why.
        """
        chooser = find_strategy(self.strategy)
        if missing := sorted(self.labels.keys() - set(paths)):
            raise ValueError(
                f"{len(missing):,} of the labels' ids are no images, such as {missing[0]!r}"
            )
        check_budget(self.budget, len(paths), len(self.labels))
        chooser.check(len(paths), self.budget)
        if self.memory is not None:
            check_memory(self.strategy, overhead_of(chooser, len(paths)), len(paths), self.memory)


def read_request(options: argparse.Namespace, usual: argparse.Namespace) -> ShardRequest:
    """Read what is asked; `images` names the shards.

    Args:
        options: as given to `rayal select`.
        usual: as they are where nothing is given.

    Raises:
        LabelingError: an option that is not of shards, or says nothing with the others.
        OSError: the labels cannot be read.
    """
    for name, value in vars(options).items():
        if name not in OPTIONS and value != vars(usual)[name]:
            listed = ", ".join(f"--{each.replace('_', '-')}" for each in OPTIONS[1:])
            raise LabelingError(
                f"--{name.replace('_', '-')} is not of shards of features: {listed} are"
            )
    check_place_options(options)
    place = parse_location(options.images)
    return ShardRequest(
        str(place),
        options.strategy or DEFAULT_STRATEGY,
        component_parameters(options.set, "strategy")["strategy"],
        {} if options.labeled is None else read_labels(options.labeled),
        None if options.memory is None else parse_bytes(options.memory),
        options.out or Path(f"{place.name or 'shards'}-chosen"),
        options.budget,
        options.seed,
    )


def parse_bytes(text: str) -> int:
    """Read an amount of memory such as 4GiB, 500MB or 2e9.

    Raises:
        LabelingError: it is none.
    """
    match = re.fullmatch(r"([0-9.]+(?:e[0-9]+)?) *([kmgt]?i?)b?", text.strip().lower())
    try:
        amount = float(match[1]) * _UNITS[match[2]] if match else 0.0
    except (ValueError, KeyError):
        amount = 0.0
    if not 1 <= amount < 2**63:
        raise LabelingError(f"--memory {text} is no amount of memory: write it as 4GiB or 500MB")
    return int(amount)


def read_labels(path: Path) -> dict[str, int]:
    """Read a CSV with a column id and, where classes are known, a column label of their numbers.

    Raises:
        LabelingError: what is missing, no class, or said twice and differently.
        OSError: it cannot be read.
    """
    try:
        has_label = "label" in (tidy(name) for cells in first_lines(path) for name in cells)
        table = read_csv(path, ["id", "label"] if has_label else ["id"])
    except ValueError as error:
        raise LabelingError(str(error)) from error
    labels: dict[str, int] = {}
    for record in table.records:
        name = record.cells[table.position["id"]]
        place = f"{path}, line {record.line}"
        if not name:
            raise LabelingError(f"{place}: the id is empty; fill it or remove the row")
        label = _class(place, record.cells[table.position["label"]]) if has_label else UNKNOWN
        if labels.setdefault(name, label) != label:
            raise LabelingError(
                f"{place}: {name!r} has the label {_shown(label)}, and above "
                f"{_shown(labels[name])}; keep the right row"
            )
    return labels


def _class(place: str, text: str) -> int:
    if not text.strip():
        return UNKNOWN
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise LabelingError(
            f"{place}: the label {text!r} is no class of the shards' probabilities: give its "
            "number from 0, or leave it empty"
        )
    return int(text)


def _shown(label: int) -> str:
    return "none" if label == UNKNOWN else str(label)
