"""A CSV file of images and labels -> rows that name each image once, with a file and a label."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rayal.datasets._files.compound_names import compound_name, joined_names
from rayal.datasets._files.csv_table import (
    CsvTable,
    Record,
    holds_row,
    lines_of,
    open_quote,
    read_csv,
)
from rayal.datasets._files.image_index import ImageIndex
from rayal.datasets._files.lookalikes import (
    control_character,
    is_blank,
    lookalikes,
    means_missing,
    shown,
    tidy,
)
from rayal.datasets._files.scan import nfc
from rayal.datasets._files.split_names import split_of

# Columns that name what images were taken of: patient_id, Lesion ID, subject.
_SUBJECT = re.compile(
    r"(patient|subject|lesion|participant|person|donor|animal|mouse|slide|specimen|individual)"
    r"s?[ _.-]?(id|no|nr|num|number|key|code|name|uid)?",
    re.IGNORECASE,
)
PARAMETERS = ("image", "label", "split", "group")  # of the dataset: each names a column


@dataclass(frozen=True)
class Columns:
    """Names of the table's columns; None: it has no such column.

    separator: of the classes in a label, where an image may have several; None: it has one.
    """

    image: str
    label: str
    split: str | None = None
    group: str | None = None
    separator: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(n for n in (self.image, self.label, self.split, self.group) if n is not None)


@dataclass(frozen=True)
class Row:
    """One image: its file relative to the folder, its class; "" where there is no such column.

    classes: of the image: one, or where it may have several any number, sorted. line: on which the
    table first names it.
    """

    file: str
    classes: tuple[str, ...]
    split: str
    group: str
    line: int = field(compare=False)

    @property
    def label(self) -> str:
        """Its classes as one text, for messages."""
        return "; ".join(self.classes)


def read_rows(path: Path, columns: Columns, images: ImageIndex) -> list[Row]:
    """Return the rows of a table in the order of their files.

    A row that says the same of an image as an earlier one counts once, with a warning. Labels that
    are words for a missing value are classes, with a warning.

    Args:
        path: of the CSV file.
        columns: its names of columns.
        images: those of the folder.

    Raises:
        ValueError: the table is no CSV in UTF-8 or lacks a column; a row without image, label or
            file; a cell that swallowed rows; an image with two labels; a label that names several
            classes; labels or groups that look alike; a group in train and test both.
    """
    table = read_csv(path, columns.names, _ways_out(columns))
    rows: dict[str, Row] = {}
    for record in table.records:
        _check_line_breaks(table, record, images)
        row = _row(table, record, columns, images)
        earlier = rows.setdefault(row.file, row)
        if earlier != row:
            raise ValueError(
                f"{path}, line {row.line}: {row.file} is listed twice, and differently: "
                f"{_shown(earlier)}, then {_shown(row)}; keep the right row"
            )
    if not rows:
        raise ValueError(f"{path} lists no image")
    lines = {name: row.line for row in reversed(rows.values()) for name in row.classes}
    _check_one_class_each(path, lines, columns.separator)
    _check_lookalikes(path, "label", lines)
    _check_lookalikes(path, "group", {row.group: row.line for row in reversed(rows.values())})
    _check_groups(path, rows.values())
    _warn(path, rows.values(), len(table.records) - len(rows))
    if columns.group is None:
        _warn_of_subjects(table, columns)
    return [rows[file] for file in sorted(rows)]


def _ways_out(columns: Columns) -> dict[str, str]:
    """Say of each column by which parameter it is named."""
    named = {parameter: getattr(columns, parameter) for parameter in PARAMETERS}
    return {
        name: f"; name the right one by the parameter {parameter}, such as {parameter}: NAME"
        for parameter, name in named.items()
        if name is not None
    }


def _row(table: CsvTable, record: Record, columns: Columns, images: ImageIndex) -> Row:
    place = f"{table.path}, line {record.line}"
    cells = {
        name: ""
        if columns.separator and name == columns.label and is_blank(record.cells[at].strip())
        else _cell(place, name, record.cells[at])
        for name, at in table.position.items()
    }
    word = cells[columns.split] if columns.split else ""
    if columns.split and not split_of(word):
        raise ValueError(f"{place}: {columns.split} is '{word}', and must be train, val or test")
    return Row(
        file=images.find(place, record.cells[table.position[columns.image]]),
        classes=_classes(nfc(cells[columns.label]), columns.separator),
        split=split_of(word),
        group=nfc(cells[columns.group]) if columns.group else "",
        line=record.line,
    )


def _classes(label: str, separator: str | None) -> tuple[str, ...]:
    """Return the classes that a label names; none for an empty one, where there may be several."""
    if separator is None:
        return (label,)
    parts = (part.strip() for part in label.split(separator))
    return tuple(sorted({part for part in parts if part}))


def _cell(place: str, column: str, text: str) -> str:
    """Return a cell without blanks around it."""
    cell = text.strip()
    if is_blank(cell):
        raise ValueError(f"{place}: the column '{column}' is empty; fill it or remove the row")
    if "\ufffd" in cell:
        raise ValueError(
            f"{place}: the column '{column}' is {cell!r}: a character was lost when the table was "
            "saved; write it anew"
        )
    if character := control_character(cell):
        raise ValueError(
            f"{place}: the column '{column}' holds {character!a}, which is not printed"
        )
    if cell.startswith('"'):
        raise ValueError(
            f"{place}: the column '{column}' is {cell!r}, quotes and all: a quote has to stand "
            "first in its cell, without a blank before it"
        )
    return cell


def _check_line_breaks(table: CsvTable, record: Record, images: ImageIndex) -> None:
    """Refuse a cell over several lines where it may hold rows: its quote was never closed."""
    for at, cell in enumerate(record.cells):
        is_wanted = at in table.position.values() and len(lines_of(cell)) > 1
        if is_wanted or holds_row(cell, table.delimiter, partial(_is_row, table, images)):
            said = open_quote(table.columns[at], cell, record.line)
            raise ValueError(f"{table.path}, line {record.line}: {said}")


def _is_row(table: CsvTable, images: ImageIndex, cells: list[str]) -> bool:
    return len(cells) == len(table.columns) or any(cell and cell in images for cell in cells)


def _check_lookalikes(path: Path, what: str, lines: Mapping[str, int]) -> None:
    """Refuse two names that look alike; lines: name -> where it stands first."""
    pair = lookalikes(sorted(lines))
    if pair:
        first, second = sorted(pair, key=lambda name: lines[name])
        raise ValueError(
            f"{path}: the {what}s {shown(first)} (line {lines[first]}) and {shown(second)} (line "
            f"{lines[second]}) look alike; write them in one way if they are one {what}, or else "
            "rename one of them"
        )


def _check_one_class_each(path: Path, lines: Mapping[str, int], separator: str | None) -> None:
    """Refuse a class that names several; lines: class -> where it stands first."""
    found = compound_name(lines)
    if not found:
        return
    label, part = found
    way = (
        f"and classes are separated by '{separator}': separate all in one way"
        if separator
        else "and an image has one class here: give each image one label, or say separator: ';' "
        "(or '|', ',') if an image may have several classes"
    )
    raise ValueError(
        f"{path}, line {lines[label]}: the label '{label}' names several classes, of which one is "
        f"'{part}', {way}; if it is the name of one class, write it without ; and | and ,"
    )


def _check_groups(path: Path, rows: Iterable[Row]) -> None:
    side: dict[str, str] = {}
    for row in rows:
        if row.group and side.setdefault(row.group, row.split) != row.split:
            raise ValueError(
                f"{path}: images of group '{row.group}' are in {side[row.group]} and in "
                f"{row.split}: a group belongs to one of them"
            )


def _warn(path: Path, rows: Iterable[Row], repeated: int) -> None:
    if repeated:
        warnings.warn(f"{path}: {repeated:,} rows repeat others; they count once", stacklevel=3)
    for what in ("label", "group"):
        counts = Counter(
            name for row in rows for name in (row.classes if what == "label" else (row.group,))
        )
        for name, parts in joined_names(counts) if what == "label" else ():
            warnings.warn(
                f"{path}: {counts[name]:,} images have the label '{name}', and {', '.join(parts)} "
                "are labels too: it is taken as a class of its own, not as several",
                stacklevel=3,
            )
        for name in filter(means_missing, sorted(counts)):
            kind = "class" if what == "label" else "group"
            warnings.warn(
                f"{path}: {counts[name]:,} images have the {what} '{name}', which is taken as a "
                f"{kind} like any other; remove these rows if it says that there is none",
                stacklevel=3,
            )


def _warn_of_subjects(table: CsvTable, columns: Columns) -> None:
    """Warn where images of one patient may come to train and to test both: no group was named."""
    for at, name in enumerate(table.columns):
        if name in columns.names or not _SUBJECT.fullmatch(tidy(name)):
            continue
        sides: dict[str, set[str]] = {}
        for number, record in enumerate(table.records):
            cell = tidy(record.cells[at]) if at < len(record.cells) else ""
            split = columns.split and record.cells[table.position[columns.split]]
            if cell:
                sides.setdefault(cell, set()).add(split_of(split) if split else str(number))
        shared = sum(len(own) > 1 for own in sides.values())
        if shared and len(sides) > 1:
            way = "give each of them to one side" if columns.split else f"say group: {name}"
            warnings.warn(
                f"{table.path}: {shared:,} of {len(sides):,} values of the column '{name}' may "
                f"have images to train and to test both, which makes results too good: {way}",
                stacklevel=3,
            )


def _shown(row: Row) -> str:
    return ", ".join(f"'{part}'" for part in (row.label, row.split, row.group) if part)
