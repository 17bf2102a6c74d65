"""`rayal select SHARDS --budget B`: which rows of a pool in shards to label first, or next.

And `rayal select ADDRESS --shards PLACE`, which makes shards of the images there before.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from rayal.cli.shard_request import CONTENT, ShardRequest, read_request
from rayal.cli.terminal import DONE, print_line
from rayal.distributed.selecting import ShardSelection, select_from_shards
from rayal.labeling.errors import LabelingError
from rayal.storage.atomic import write_bytes
from rayal.storage.shard_set import read_shard_set


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
    asked = read_request(options, usual)
    shards = read_shard_set(options.images)
    asked.check_free(shards.content)
    chosen = select_from_shards(
        shards,
        asked.strategy,
        options.budget,
        labels=asked.labels,
        seed=options.seed,
        memory=asked.memory,
        address=options.address,
        workers=options.workers,
        say=lambda line: print_line(console, line),
        **asked.params,
    )
    asked.check_free(chosen.content)  # another process may have written there meanwhile
    _write(asked.out, chosen, {**asked.described, CONTENT: chosen.content})
    _show(console, asked, chosen)
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
    of_encoding = [text for text in options.set if text.startswith("encoder.")]
    of_choice = vars(options) | {"images": options.shards, "shards": None, "encoder": None}
    of_choice["set"] = [text for text in options.set if text not in of_encoding]
    choice = argparse.Namespace(**of_choice)
    asked = read_request(choice, usual)
    asked.check_of_images()
    encode_options = encode.parser("rayal encode").parse_args(
        [options.images, "--shards", options.shards]
    )
    for name in ("encoder", "address", "workers"):
        setattr(encode_options, name, getattr(options, name))
    encode_options.set = of_encoding
    encode_shards.encode(encode_options, console, asked.check_paths)
    return select(choice, usual, console)


def _write(out: Path, chosen: ShardSelection, request: Mapping[str, Any]) -> None:
    """Write what was chosen, and how: a table for people, the rest for programs."""
    out.mkdir(parents=True, exist_ok=True)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["rank", "id", "row"])
    rows = zip(chosen.ids, chosen.positions.tolist(), strict=True)
    writer.writerows([rank, name, row] for rank, (name, row) in enumerate(rows, 1))
    about = {**request, "figures": dict(chosen.figures), "exact": chosen.exact}
    about["promise"] = chosen.promise
    # First, so that no chosen.csv lies there without what it was chosen by.
    write_bytes(out / "selection.json", json.dumps(about, indent=1).encode())
    write_bytes(out / "chosen.csv", table.getvalue().encode())


def _show(console: Console, asked: ShardRequest, chosen: ShardSelection) -> None:
    print_line(
        console,
        f"{len(chosen.ids):,} rows, chosen by {asked.strategy} with {len(asked.labels):,} labels "
        f"known: {asked.out / 'chosen.csv'}",
    )
    for name, value in chosen.figures.items():
        print_line(console, f"  {name}: {value:.6g}")
    print_line(console, f"  {'exact' if chosen.exact else 'bounded'}: {chosen.promise}")
