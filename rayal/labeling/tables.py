"""A list of images: a CSV, Parquet or JSON-lines file with a column of paths."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from rayal.datasets._files.csv_table import (
    CsvTable,
    first_lines,
    holds_row,
    open_quote,
    read_csv,
    refuse_like_columns,
)
from rayal.datasets._files.lookalikes import is_blank, skeleton
from rayal.datasets._files.scan import is_image, nfc
from rayal.datasets._files.split_names import split_of
from rayal.hints import nearest
from rayal.labeling.class_names import check_distinct
from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.json_export import once_each

SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}  # fmt: skip
PATH_COLUMNS = ("path", "filepath", "file_path", "image", "image_path", "file", "filename")
_SHOWN = 8  # names of columns in a message
_skeleton = lru_cache(skeleton)  # the same names stand in all lines


@dataclass(frozen=True)
class Listed:
    """One row: a path, and the group and label where there are such columns, else "".

    place: where it stands, for messages.
    """

    path: str
    group: str = ""
    label: str = ""
    split: str = ""
    place: str = field(default="", compare=False)


def is_table(path: Path) -> bool:
    """Whether a file is a list by its suffix."""
    return path.suffix.lower() in SUFFIXES


def choose_columns(path: Path, requested: Mapping[str, str | None]) -> dict[str, str]:
    """Return use -> column for path, group, label and split, those asked for checked.

    Without a column of paths asked for, the one of PATH_COLUMNS that the file has is taken.

    Raises:
        LabelingError: the file cannot be read, lacks a column, or has several for the path.
    """
    has = _columns(path)
    for name in has:
        if has.count(name) > 1:
            raise LabelingError(f"{path} has {has.count(name)} columns '{name}': rename them")
    chosen = {use: name for use, name in requested.items() if name is not None}
    for use, name in chosen.items():
        if name not in has:
            shown = ", ".join(has[:_SHOWN]) or "nothing"
            raise LabelingError(
                f"{path} has no column '{name}' for the {use}{nearest(name, has)}; it has {shown}"
            )
    if "path" not in chosen:
        fitting = [name for name in PATH_COLUMNS if name in has]
        if len(fitting) != 1:
            what = f"several columns of paths ({', '.join(fitting)})" if fitting else "no column of"
            raise LabelingError(
                f"{path} has {what if fitting else what + ' paths'}: name it, --path-column NAME; "
                f"it has {', '.join(has[:_SHOWN]) or 'nothing'}"
            )
        chosen["path"] = fitting[0]
    _check_like_columns(path, chosen, has)
    return chosen


def _check_like_columns(path: Path, chosen: Mapping[str, str], has: Sequence[str]) -> None:
    """Refuse a column beside one that is read, which may be the one that is meant."""
    if SUFFIXES[path.suffix.lower()] == "csv":
        return  # reading a CSV file does it, once it is cut at its delimiter
    for name in chosen.values():
        try:
            refuse_like_columns(path, name, [other for other in has if other != name])
        except ValueError as error:
            raise LabelingError(str(error)) from error


def read_list(path: Path, columns: Mapping[str, str]) -> list[Listed]:
    """Return the rows of a list.

    Raises:
        LabelingError: the file cannot be read, a path is empty, a split is none, or groups look
            alike.
    """
    rows = []
    for place, row in _rows(path, list(columns.values())):
        cells = {use: _visible(row[name]) for use, name in columns.items()}
        if not cells["path"]:
            raise LabelingError(f"{place}: the column '{columns['path']}' is empty; fill it")
        if (own := row[columns["path"]]) != cells["path"] and os.path.lexists(path.parent / own):
            cells["path"] = own  # blanks are part of the file's name
        if cells.get("split") and not split_of(cells["split"]):
            raise LabelingError(f"{place}: the split is '{cells['split']}': write train, val, test")
        if "split" in cells:
            cells["split"] = split_of(cells["split"])
        for use in cells.keys() & {"group", "label"}:
            cells[use] = nfc(cells[use])
        rows.append(Listed(**cells, place=place))
    if not rows:
        raise LabelingError(f"{path} lists no image")
    check_distinct((row.group for row in rows), f"{path}: ", "group")
    return rows


def _visible(cell: str) -> str:
    """Return a cell without blanks around it, "" where nothing of it can be seen."""
    return "" if is_blank(cell) else cell.strip()


def _columns(path: Path) -> list[str]:
    try:
        match SUFFIXES[path.suffix.lower()]:
            case "parquet":
                return list(read_schema(path).names)
            case "jsonl":
                first = next(iter(_json_rows(path)), None)
                return [] if first is None else list(first[1])
            case _:
                return list(dict.fromkeys(name for cells in first_lines(path) for name in cells))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read_schema(path: Path) -> Any:
    """Return the Arrow schema of a Parquet file.

    Raises:
        LabelingError: it cannot be read as one.
    """
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _rows(path: Path, wanted: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where each row stands, and its wanted cells as text."""
    try:
        match SUFFIXES[path.suffix.lower()]:
            case "parquet":
                import pyarrow.parquet as pq

                read = pq.read_table(path, columns=list(wanted)).to_pylist()
                for number, row in enumerate(read, start=1):
                    place = f"{path}, row {number}"
                    yield place, {name: _text(place, name, row[name]) for name in wanted}
            case "jsonl":
                for place, row in _json_rows(path):
                    _check_names(place, row, wanted)
                    yield place, {name: _text(place, name, row.get(name)) for name in wanted}
            case _:
                table = read_csv(path, wanted)
                for record in table.records:
                    place = f"{path}, line {record.line}"
                    _check_line_breaks(table, place, record.cells, record.line)
                    yield place, {name: record.cells[at] for name, at in table.position.items()}
    except LabelingError:
        raise
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _check_line_breaks(table: CsvTable, place: str, cells: Sequence[str], line: int) -> None:
    """Refuse a cell that holds rows of further images: its quote was never closed."""
    for name, cell in zip(table.columns, cells, strict=False):
        if holds_row(cell, table.delimiter, lambda parts: any(map(is_image, parts))):
            raise LabelingError(f"{place}: {open_quote(name, cell, line)}")


def _check_names(place: str, row: Mapping[str, object], wanted: Sequence[str]) -> None:
    """Refuse an object that calls otherwise what others call by a name: "Label"."""
    for name in wanted:
        like = [key for key in row if key != name and _skeleton(key) == _skeleton(name)]
        if like:
            raise LabelingError(
                f"{place} has {like[0]!r}, and {name!r} is read: call it so in all lines"
            )


def _json_rows(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            place = f"{path}, line {number}"
            try:
                row = json.loads(line, object_pairs_hook=once_each)
            except (ValueError, RecursionError) as error:
                raise LabelingError(f"{place} cannot be read: {error}") from error
            if not isinstance(row, dict):
                raise LabelingError(f"{place} is no object with named values")
            yield place, row


def _text(place: str, column: str, value: object) -> str:
    """Return a cell as text, "" for one that is missing, as None and not-a-number say.

    Raises:
        LabelingError: it holds several values, or bytes that are no text.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    try:
        text = value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError as error:
        raise LabelingError(
            f"{place}: the column '{column}' holds bytes that are no text"
        ) from error
    if not isinstance(text, str | int | float):
        raise LabelingError(
            f"{place}: the column '{column}' holds {str(text)[:60]}, and one text or number is "
            "needed"
        )
    return str(text)


def _unreadable(path: Path, error: Exception) -> LabelingError:
    message = str(error)
    return LabelingError(message if str(path) in message else f"{path} cannot be read: {message}")
