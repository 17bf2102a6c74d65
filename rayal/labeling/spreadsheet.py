"""CSV files that people open in a spreadsheet: no cell of them is taken for a formula."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rayal.datasets._files.csv_table import holds_row, open_quote, read_text, refuse_like_columns
from rayal.datasets._files.lookalikes import tidy
from rayal.datasets._files.scan import is_image
from rayal.labeling.errors import LabelingError
from rayal.labeling.own_files import damaged
from rayal.storage import plain_files
from rayal.storage.atomic import write_bytes
from rayal.storage.csv_lines import csv_text

ID_PREFIX = "img_"  # a spreadsheet would take some hexadecimal numbers for 1e15
LARGEST = 4 << 30  # bytes of a table; some 20 million images
SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
_SHOWN = 12  # names of columns in a message
OWN_COLUMNS = frozenset({"rayal_id", "path", "label", "annotator"})  # that are read of a table
PATHS = frozenset({"path", "filepath"})  # columns
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_csv(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, object]],
    encoding: str = "utf-8-sig",
) -> None:
    """Write a file completely or not at all, UTF-8 with a mark so that spreadsheets read it so.

    Texts that a spreadsheet would compute are written behind an apostrophe, paths behind "./".
    Programs that take the mark for a part of the first column's name are given plain utf-8.
    """
    cells = ([_cell(name, row.get(name, "")) for name in columns] for row in rows)
    write_bytes(path, csv_text(itertools.chain([columns], cells)).encode(encoding))


def read_csv_rows(path: Path) -> list[dict[str, str]]:
    """Read what `write_csv` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it may not be read.
        LabelingError: it is damaged, or no plain file.
    """
    try:
        text = plain_files.read(path, LARGEST).decode("utf-8-sig")
        columns, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        cells = [zip(columns, row, strict=True) for row in rows]
        return [{name: plain(name, cell) for name, cell in row} for row in cells]
    except plain_files.NotPlainError as error:
        raise damaged(path, error.strerror) from error
    except (ValueError, csv.Error) as error:
        raise damaged(path, error) from error


def column_names(path: Path) -> list[str]:
    """Return the names of the columns of a table that came back; empty where it is none."""
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        return []
    try:
        text = read_text(path)
        first = next(csv.reader(io.StringIO(text, newline=""), dialect=_dialect(text)), [])
        return list(map(_known_name, first))
    except (OSError, ValueError, csv.Error):
        return []


def why_no_labels(path: Path) -> str:
    """Say why a table has no labels that can be read, "" of a file that is no table."""
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        return ""
    try:
        read_text(path)
    except OSError as error:
        return f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
    except ValueError as error:
        return str(error)
    shown = ", ".join(repr(name) for name in column_names(path)[:_SHOWN]) or "nothing"
    return (
        f"{path} has the columns {shown}, and a table of labels has 'label', or a column of 0 and "
        "1 for each class, and 'rayal_id' or 'path' in its first line"
    )


def returned_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line and cells of each row of a table that came back, from whatever spreadsheet.

    Cells beyond the first line's are a list under None.

    Raises:
        LabelingError: it cannot be read, two of its columns have one name, or a quote that was
            not closed took rows with it.
    """
    try:
        text = read_text(path)
        file, dialect = io.StringIO(text, newline=""), _dialect(text)
        reader = csv.DictReader(file, dialect=dialect, strict=True)
        _check_columns(path, reader.fieldnames or ())
        reader.fieldnames = list(map(_known_name, reader.fieldnames or ()))
        for row in reader:
            _check_line_breaks(path, row, dialect.delimiter, reader.line_num)
            yield reader.line_num, row
    except LabelingError:
        raise
    except (OSError, ValueError, csv.Error) as error:
        raise LabelingError(
            f"{path} cannot be read as CSV in UTF-8 ({error}); save it again"
        ) from error


def _known_name(name: str) -> str:
    """Return the name of a column as rayal writes it, however a person did: "Annotator "."""
    known = tidy(name).casefold()
    return known if known in OWN_COLUMNS else name


def _check_columns(path: Path, names: Sequence[str]) -> None:
    seen = [tidy(name).casefold() for name in names]
    for name in filter(None, seen):
        places = [str(place) for place, other in enumerate(seen, start=1) if other == name]
        if len(places) > 1:
            raise LabelingError(
                f"{path} has {len(places)} columns {name!r}, the {' and '.join(places)}: remove or "
                "rename those that are not meant"
            )
    try:
        for name in sorted(OWN_COLUMNS.intersection(seen)):
            refuse_like_columns(path, name, [other for other in seen if other not in ("", name)])
    except ValueError as error:
        raise LabelingError(str(error)) from error


def _check_line_breaks(path: Path, row: Mapping[str, str], delimiter: str, last: int) -> None:
    """Refuse a cell that holds rows of further images: its quote was never closed."""
    for name, cell in row.items():
        if isinstance(cell, str) and holds_row(cell, delimiter, _names_image):
            line = last - cell.count("\n")
            raise LabelingError(f"{path}, line {line}: {open_quote(name, cell, line)}")


def _names_image(cells: Sequence[str]) -> bool:
    return any(is_image(cell) or cell.startswith(ID_PREFIX) for cell in cells)


def plain_cells(row: Mapping[str, str]) -> dict[str, str]:
    """Return the cells of a row that came back, by column, as they were written.

    Blanks around them are left out but in paths, where they may be part of a name.
    """
    return {
        name: plain(name, cell or "") if name in PATHS else plain(name, (cell or "").strip())
        for name, cell in row.items()
        if name
    }


def plain(column: str, cell: str) -> str:
    """Return what was written into a cell: without what keeps a spreadsheet from computing it."""
    if column in PATHS:
        return cell[2:] if cell.startswith("./") else cell
    return cell[1:] if cell.startswith("'") and _looks_computed(cell) else cell


def _cell(column: str, value: object) -> object:
    if not isinstance(value, str) or not _looks_computed(value):
        return value
    return f"./{value}" if column in PATHS else f"'{value}"


def _dialect(text: str) -> type[csv.Dialect]:
    """Spreadsheets of some countries save semicolons, or tabs."""
    first = next(iter(text.splitlines()), "")
    mark = max((",", ";", "\t"), key=first.count)

    class Dialect(csv.excel):
        delimiter = mark

    return Dialect


def _looks_computed(text: str) -> bool:
    return text.lstrip("'").startswith(_FORMULA)
