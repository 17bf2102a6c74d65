"""A CSV file of images and labels -> rows that name each image once, with a file and a label."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rayal.datasets._files.scan import nfc

_SPLITS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Names of the table's columns; None: it has no such column."""

    image: str
    label: str
    split: str | None = None
    group: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(n for n in (self.image, self.label, self.split, self.group) if n is not None)


@dataclass(frozen=True)
class Row:
    """One image: its file relative to the folder, its class; "" where there is no such column."""

    file: str
    label: str
    split: str
    group: str


def read_rows(table: Path, columns: Columns, root: Path, files: Sequence[str]) -> list[Row]:
    """Return the rows of a table in the order of their files.

    A row that says the same of an image as an earlier one counts once, with a warning.

    Args:
        table: the CSV file.
        columns: its names of columns.
        root: the folder of the images, for messages.
        files: the images in it, relative to it.

    Raises:
        ValueError: the table is no CSV in UTF-8 or lacks a column; a row without image, label or
            file; an image with two labels; a group in train and test both.
    """
    find = ImageIndex(root, files)
    rows: dict[str, Row] = {}
    again = 0
    for line, cells in _lines(table, columns):
        row = _row(f"{table}, line {line}", cells, columns, find)
        earlier = rows.setdefault(row.file, row)
        if earlier != row:
            raise ValueError(
                f"{table}, line {line}: {row.file} is listed twice, and differently: "
                f"{_shown(earlier)}, then {_shown(row)}; keep the right row"
            )
        again += earlier is not row
    if again:
        warnings.warn(f"{table}: {again:,} rows repeat others; they count once", stacklevel=2)
    if not rows:
        raise ValueError(f"{table} lists no image")
    _check_groups(table, rows.values())
    return [rows[file] for file in sorted(rows)]


def _lines(table: Path, columns: Columns) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            _check_columns(table, reader.fieldnames or (), columns)
            for cells in reader:
                yield reader.line_num, cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{table} cannot be read as a CSV file in UTF-8: {error}") from error


def _check_columns(table: Path, present: Sequence[str], columns: Columns) -> None:
    for name in columns.names:
        if name not in present:
            raise ValueError(
                f"{table} has no column '{name}'; its first line, cut at commas, has "
                f"{', '.join(map(repr, present)) or 'nothing'}"
            )


def _row(place: str, cells: dict[str, str], columns: Columns, find: ImageIndex) -> Row:
    found = {name: (cells[name] or "").strip() for name in columns.names}
    for name in columns.names:
        if not found[name]:
            raise ValueError(f"{place}: the column '{name}' is empty; fill it or remove the row")
    split = found[columns.split].lower() if columns.split else ""
    if columns.split and split not in _SPLITS:
        raise ValueError(f"{place}: {columns.split} is '{split}', and must be train, val or test")
    return Row(
        file=find(place, found[columns.image]),
        label=nfc(found[columns.label]),
        split=_SPLITS.get(split, ""),
        group=found[columns.group] if columns.group else "",
    )


class ImageIndex:
    """Finds an image by its path, else by its file's name or either without the extension."""

    def __init__(self, root: Path, files: Iterable[str]) -> None:
        self._root = root
        self._paths = {nfc(file): file for file in files}
        self._names: dict[str, list[str]] = {}
        for whole, file in self._paths.items():
            path = PurePosixPath(whole)
            for name in {str(path.with_suffix("")), path.name, path.stem}:
                self._names.setdefault(name, []).append(file)

    def __call__(self, place: str, name: str) -> str:
        wanted = nfc(name).replace("\\", "/").removeprefix("./")
        if wanted in self._paths:
            return self._paths[wanted]
        found = self._names.get(wanted, [])
        if len(found) > 1:
            raise ValueError(f"{place}: '{name}' may be {found[0]} or {found[1]}: give its path")
        if not found:
            raise ValueError(f"{place}: there is no image '{name}' in {self._root}")
        return found[0]


def _shown(row: Row) -> str:
    return ", ".join(f"'{part}'" for part in (row.label, row.split, row.group) if part)


def _check_groups(table: Path, rows: Iterable[Row]) -> None:
    side: dict[str, str] = {}
    for row in rows:
        if row.group and side.setdefault(row.group, row.split) != row.split:
            raise ValueError(
                f"{table}: images of group '{row.group}' are in {side[row.group]} and in "
                f"{row.split}: a group belongs to one of them"
            )
