"""A CSV file -> its columns and records, all as text, or a refusal that names the line.

Python's csv in its strict form reads the quotes; what it would let pass is refused here: rows that
are longer or shorter than the first line, columns of one name, bytes that are not UTF-8, and files
that are no text at all.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rayal.datasets._files.lookalikes import shown, skeleton, tidy

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins like UTF-16's mark
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What csv says -> what it means to whoever wrote the file.
_FAULTS = {
    "unexpected end of data": "a quote is opened here and never closed",
    f"field larger than field limit ({csv.field_size_limit()})": "a cell is longer than "
    f"{csv.field_size_limit():,} characters: a quote may be opened here and not closed",
}
_NO_TEXT = {
    b"PK\x03\x04": "a spreadsheet or an archive",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "compressed",
    b"%PDF": "a PDF",
    b"SQLite": "a database",
}


@dataclass(frozen=True)
class Record:
    """One row: the line on which it begins (the first of a file is 1), and its cells."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class CsvTable:
    """A file's columns, each wanted one's position, and its records."""

    path: Path
    delimiter: str
    columns: Sequence[str]
    position: dict[str, int]
    records: Sequence[Record]


def read_csv(
    path: Path, wanted: Sequence[str], ways_out: Mapping[str, str] | None = None
) -> CsvTable:
    """Read a file whose first line names its columns.

    The file is UTF-8, or UTF-16 or 32 with a byte-order mark. Cells are separated by commas, or by
    the semicolons or tabs that alone give the columns wanted.

    Args:
        path: of the file.
        wanted: names of columns, compared as they look: blanks around them do not count.
        ways_out: what to do where a column is absent, by its name.

    Raises:
        ValueError: no text, a column that is absent, there twice or hardly told from another,
            quotes that do not fit, a row with more or fewer cells than columns.
    """
    text = read_text(path)
    delimiter = _delimiter(path, text, wanted)
    records = _records(path, text, delimiter)
    columns = records[0].cells if records else []
    table = CsvTable(
        path, delimiter, columns, _positions(path, columns, wanted, ways_out or {}), records[1:]
    )
    for record in table.records:
        _check_length(table, record)
    return table


def first_lines(path: Path) -> list[list[str]]:
    """Return the cells of a file's first line, cut at each delimiter that is known.

    Raises:
        ValueError: it is no text.
    """
    text = read_text(path)
    return [_first_cells(text, delimiter) for delimiter in DELIMITERS]


def lines_of(cell: str) -> list[str]:
    """Return the lines of a cell."""
    return re.split(r"\r\n|\r|\n", cell)


def holds_row(cell: str, delimiter: str, is_row: Callable[[list[str]], bool]) -> bool:
    """Whether a cell over several lines holds rows, because its quote was never closed.

    is_row: whether the cells that one of its lines is cut into may be a row.
    """
    lines = lines_of(cell)
    cut = ([part.strip(' "') for part in line.split(delimiter)] for line in lines)
    return len(lines) > 1 and any(len(cells) > 1 and is_row(cells) for cells in cut)


def open_quote(column: str, cell: str, line: int) -> str:
    """Say of a cell that begins on a line that its quote was never closed."""
    count = len(lines_of(cell))
    return (
        f"the column '{column}' holds the {count} lines from here to line {line + count - 1}: a "
        "quote was opened and not closed; close it, or write a quote that is meant twice and "
        "within quotes"
    )


def refuse_like_columns(path: Path, name: str, others: Sequence[str]) -> None:
    """Refuse a further column that may be the one that is meant: "Label", or a join's "label.1".

    Raises:
        ValueError: there is one.
    """
    for other in others:
        if skeleton(other) == skeleton(name) or _is_second(other, name):
            raise ValueError(
                f"{path} has the columns {shown(name)} and {shown(other)}, which look alike: "
                "remove or rename the one that is not meant"
            )


def read_text(path: Path) -> str:
    """Return the text of a file, in UTF-8, or in UTF-16 or 32 with a byte-order mark.

    Raises:
        ValueError: it is no text, or of another encoding.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    for magic, what in _NO_TEXT.items():
        if content.startswith(magic):
            raise ValueError(f"{path} is {what}, no CSV file: save the table as CSV in UTF-8")
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    try:
        text = content.decode(_MARKS.get(mark, "utf-8"))
    except UnicodeDecodeError as error:
        line = _line_of(content[: error.start])
        raise ValueError(
            f"{path} cannot be read as a CSV file in UTF-8: line {line} has the byte "
            f"0x{content[error.start]:02x}, which is of another encoding; save it in UTF-8"
        ) from error
    if "\0" in text:
        line = _line_of(text.partition("\0")[0].encode())
        raise ValueError(
            f"{path} cannot be read as a CSV file in UTF-8: line {line} has a zero byte, which "
            "UTF-16 is full of; save it in UTF-8"
        )
    return text


def _line_of(before: bytes) -> int:
    return len(before.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))


def _delimiter(path: Path, text: str, wanted: Sequence[str]) -> str:
    """Return the delimiter that gives the wanted columns; a comma where none does."""
    needed = {tidy(name) for name in wanted}
    fitting = [d for d in DELIMITERS if needed <= {tidy(name) for name in _first_cells(text, d)}]
    if len(fitting) > 1 and any(len(_first_cells(text, d)) > 1 for d in fitting):
        ways = " and at ".join(DELIMITERS[delimiter] for delimiter in fitting)
        raise ValueError(f"{path}: its first line can be cut at {ways}: use one of them alone")
    return fitting[0] if fitting else ","  # of one column any gives the same


def _first_cells(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


def _records(path: Path, text: str, delimiter: str) -> list[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records: list[Record] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise ValueError(
                f"{path}, line {line}: {_FAULTS.get(str(error), str(error))}; a cell that holds a "
                'quote is written within quotes, and its own twice: "5"" screw"'
            ) from error
        if cells:
            records.append(Record(line, cells))
    _check_count(path, text, records)
    return records


def _check_count(path: Path, text: str, records: Sequence[Record]) -> None:
    """Without a quote each line is a record: hold the reader to it."""
    if '"' in text:
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    filled = sum(line != "" for line in lines)
    if filled != len(records):
        raise ValueError(f"{path} has {filled:,} lines, and {len(records):,} rows were read of it")


def _positions(
    path: Path, columns: Sequence[str], wanted: Sequence[str], ways_out: Mapping[str, str]
) -> dict[str, int]:
    tidied = [tidy(name) for name in columns]
    for name in wanted:
        places = [place for place, column in enumerate(tidied) if column == tidy(name)]
        if not places:
            raise ValueError(
                f"{path} has no column '{name}'; its first line, cut at commas, has "
                f"{', '.join(map(repr, columns)) or 'nothing'}{ways_out.get(name, '')}"
            )
        if len(places) > 1:
            numbers = " and ".join(str(place + 1) for place in places)
            raise ValueError(
                f"{path} has {len(places)} columns '{name}', the {numbers}: remove or rename those "
                "that are not meant"
            )
        refuse_like_columns(path, name, [column for column in tidied if column != tidy(name)])
    return {name: tidied.index(tidy(name)) for name in wanted}


def _is_second(column: str, name: str) -> bool:
    """Whether a column is called as programs call the second one of a name.

    pandas and R "label.1", joins "label_y" and "label.y", tibbles "label...3", spreadsheets
    "label2", "label (1)" and "label copy", DuckDB "label_1", polars "label_right" and
    "label_duplicated_0". Columns image1 and image12 are two of many.
    """
    ending = (
        r"(?:\.|\.{3})\d+| ?\(\d+\)|[:-]\d+|[._](?:x|y|old|new|dup|copy)| copy(?: \d+)?"
        r"|_(?:right|left|duplicated_\d+)"
    )
    counted = "" if name[-1:].isdigit() else r"|[_ ]?\d+"
    return bool(re.fullmatch(rf"{re.escape(name)}(?:{ending}{counted})", column, re.IGNORECASE))


def _check_length(table: CsvTable, record: Record) -> None:
    """Refuse a row that is not as long as the first line; empty cells beyond it are nothing."""
    cells, columns = record.cells, len(table.columns)
    place = f"{table.path}, line {record.line}"
    if len(cells) < columns:
        for name, position in table.position.items():
            if position >= len(cells):
                raise ValueError(
                    f"{place}: the column '{name}' is empty; fill it or remove the row"
                )
    if len(cells) < columns or any(cell.strip() for cell in cells[columns:]):
        raise ValueError(
            f"{place}: it has {len(cells)} cells, and the first line names {columns} columns; a "
            f"cell that holds {DELIMITERS[table.delimiter]} is written within quotes"
        )
