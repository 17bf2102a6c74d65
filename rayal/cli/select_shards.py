"""`rayal select SHARDS --budget B`: which rows of a pool in shards to label first, or next.

And `rayal select ADDRESS --shards PLACE`, which makes shards of the images there before.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from rayal.cli.component_parameters import component_parameters
from rayal.cli.terminal import DONE, print_line
from rayal.datasets._files.csv_table import first_lines, read_csv
from rayal.datasets._files.lookalikes import tidy
from rayal.distributed.request_checks import UNKNOWN
from rayal.distributed.selecting import ShardSelection, select_from_shards
from rayal.labeling.errors import LabelingError
from rayal.storage.atomic import write_bytes
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


def select(options: argparse.Namespace, usual: argparse.Namespace, console: Console) -> int:
    """Choose, write DIR/chosen.csv and DIR/selection.json, and say what was chosen.

    Args:
        options: as given to `rayal select`.
        usual: as they are where nothing is given.
        console: to print on.

    Raises:
        ValueError, StoreError, ClusterError: as `select_from_shards`; an option that is not of
            shards.
    """
    for name, value in vars(options).items():
        if name not in OPTIONS and value != vars(usual)[name]:
            listed = ", ".join(f"--{each.replace('_', '-')}" for each in OPTIONS[1:])
            raise LabelingError(
                f"--{name.replace('_', '-')} is not of shards of features: {listed} are"
            )
    strategy = options.strategy or DEFAULT_STRATEGY
    params = component_parameters(options.set, "strategy")["strategy"]
    labels = {} if options.labeled is None else read_labels(options.labeled)
    place = parse_location(options.images)
    out = options.out or Path(f"{place.name or 'shards'}-chosen")
    request = {
        "shards": str(place),
        "strategy": strategy,
        "params": params,
        "budget": options.budget,
        "seed": options.seed,
        "labels": hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest(),
    }
    _check_free(out, request)
    chosen = select_from_shards(
        options.images,
        strategy,
        options.budget,
        labels=labels,
        seed=options.seed,
        memory=None if options.memory is None else parse_bytes(options.memory),
        address=options.address,
        workers=options.workers,
        say=lambda line: print_line(console, line),
        **params,
    )
    _write(out, chosen, request)
    _show(console, out, strategy, chosen, len(labels))
    return DONE


def select_objects(options: argparse.Namespace, usual: argparse.Namespace, console: Console) -> int:
    """Encode the images at an address into shards, those that are not there yet; choose of them.

    Args:
        options: as given to `rayal select`; `shards` says where features go.
        usual: as they are where nothing is given.
        console: to print on.

    Raises:
        ValueError, StoreError, ClusterError: as `select`, and as `rayal encode`.
    """
    from rayal.cli import encode, encode_shards

    if options.shards is None:
        raise LabelingError(
            f"{options.images} has no shards.json. If it has images: --shards PLACE says where "
            "their features go, a folder or an address"
        )
    encode_options = encode.parser("rayal encode").parse_args(
        [options.images, "--shards", options.shards]
    )
    for name in ("encoder", "address", "workers"):
        setattr(encode_options, name, getattr(options, name))
    encode_options.set = [text for text in options.set if text.startswith("encoder.")]
    encode_shards.encode(encode_options, console)
    of_choice = vars(options) | {"images": options.shards, "shards": None, "encoder": None}
    of_choice["set"] = [text for text in options.set if text not in encode_options.set]
    return select(argparse.Namespace(**of_choice), usual, console)


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


def _check_free(out: Path, request: Mapping[str, Any]) -> None:
    """Refuse a folder with another choice; the same may be made again."""
    if not (out / "chosen.csv").exists():
        return
    try:
        earlier = json.loads((out / "selection.json").read_bytes())
    except (OSError, ValueError):
        earlier = None
    is_same = isinstance(earlier, dict) and request.items() <= earlier.items()
    if not is_same:
        raise LabelingError(
            f"{out} has a chosen.csv of another request, which would be lost: give --out another "
            "folder, or move it away"
        )


def _write(out: Path, chosen: ShardSelection, request: Mapping[str, Any]) -> None:
    """Write what was chosen, and how: a table for people, the rest for programs."""
    out.mkdir(parents=True, exist_ok=True)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["rank", "id", "row"])
    rows = zip(chosen.ids, chosen.positions.tolist(), strict=True)
    writer.writerows([rank, name, row] for rank, (name, row) in enumerate(rows, 1))
    write_bytes(out / "chosen.csv", table.getvalue().encode())
    about = {**request, "figures": dict(chosen.figures), "exact": chosen.exact}
    about["promise"] = chosen.promise
    write_bytes(out / "selection.json", json.dumps(about, indent=1).encode())


def _show(console: Console, out: Path, strategy: str, chosen: ShardSelection, labels: int) -> None:
    print_line(
        console,
        f"{len(chosen.ids):,} rows, chosen by {strategy} with {labels:,} labels known: "
        f"{out / 'chosen.csv'}",
    )
    for name, value in chosen.figures.items():
        print_line(console, f"  {name}: {value:.6g}")
    print_line(console, f"  {'exact' if chosen.exact else 'bounded'}: {chosen.promise}")
