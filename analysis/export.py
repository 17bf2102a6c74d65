"""Tables as files for people: CSV for all, Markdown and LaTeX for those that can be printed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeGuard

import pandas as pd

from analysis.figures.text import MINUS, NONE
from analysis.file_writing import Write
from analysis.page.typeset import (
    PrintedTable,
    in_latex,
    in_markdown,
    latex_row,
    latex_table,
    markdown_table,
    noted,
)

MOST_ROWS = 2000  # of a table in Markdown or LaTeX; longer ones are data, not print
_FORMULA = re.compile(r"\s*[=+\-@]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def write_tables(
    folder: Path, tables: Mapping[str, pd.DataFrame], titles: Mapping[str, str], write: Write
) -> list[Path]:
    """Write NAME.csv for every table, NAME.md and NAME.tex where it has at most MOST_ROWS rows.

    Args:
        folder: where the files go.
        tables: by name.
        titles: captions by name; a table without one is called by its name.
        write: (path, content) -> path; writes a file.

    Returns:
        The paths of the CSV files.
    """
    written = []
    for name, frame in tables.items():
        written.append(write(folder / f"{name}.csv", to_csv(frame).encode()))
        title = titles.get(name, name.replace("_", " "))
        if len(frame) <= MOST_ROWS:
            write(folder / f"{name}.md", to_markdown(frame, title).encode())
            write(folder / f"{name}.tex", to_latex(frame, title).encode())
    return written


def write_printed(folder: Path, printed: Mapping[str, PrintedTable], write: Write) -> None:
    """Write NAME.tex and NAME.md of tables that are made for print."""
    for name, table in printed.items():
        write(folder / f"{name}.tex", latex_table(table).encode())
        write(folder / f"{name}.md", markdown_table(table).encode())


def to_csv(frame: pd.DataFrame) -> str:
    """Write a table as CSV in which no name is a formula or steers a terminal.

    A spreadsheet runs a cell that begins with = + - or @ (CWE-1236): such a text, unless it is a
    number, gets an apostrophe before it. Control characters are left out, but for tab and newline.
    """
    safe = frame.copy()
    for place, kind in enumerate(frame.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(place, [_in_csv(value) for value in frame.iloc[:, place]])
    safe.columns = pd.Index([_in_csv(name) for name in frame.columns])
    return safe.to_csv(index=False)


def listed(names: Iterable[str]) -> str:
    """Write names with semicolons between them; one that holds a semicolon stands in quotes."""
    return "; ".join(_quoted(name) if ";" in name else name for name in names)


def to_markdown(frame: pd.DataFrame, title: str) -> str:
    """Write a table in Markdown; what its names hold cannot change its form."""
    header, rows = _texts(frame, in_markdown)
    right = ["---:" if is_number else "---" for is_number in _numeric(frame)]
    lines = [f"| {' | '.join(cells)} |" for cells in [header, right, *rows]]
    return f"**{in_markdown(title)}**\n\n" + "\n".join(lines) + "\n"


def to_latex(frame: pd.DataFrame, title: str) -> str:
    """Write a table in LaTeX with the rules of booktabs; what its names hold is escaped."""
    header, rows = _texts(frame, in_latex)
    columns = "".join("r" if is_number else "l" for is_number in _numeric(frame))
    lines = list(map(latex_row, [header, *rows]))
    return noted("\n".join([
        r"\begin{table}", r"\centering", rf"\caption{{{in_latex(title)}}}",
        rf"\begin{{tabular}}{{{columns}}}", r"\toprule", lines[0], r"\midrule", *lines[1:],
        r"\bottomrule", r"\end{tabular}", r"\end{table}", "",
    ]))  # fmt: skip


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _is_names(value: object) -> TypeGuard[tuple[str, ...]]:
    return isinstance(value, tuple) and all(isinstance(one, str) for one in value)


def _texts(frame: pd.DataFrame, escape: Callable[[str], str]) -> tuple[list[str], list[list[str]]]:
    header = [escape(str(name).replace("_", " ")) for name in frame.columns]
    rows = [
        [escape(_text(value)) for value in row] for row in frame.itertuples(index=False, name=None)
    ]
    return header, rows


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NONE
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", MINUS)
    if _is_names(value):
        return listed(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def _numeric(frame: pd.DataFrame) -> Iterable[bool]:
    return [pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]


def _in_csv(value: object) -> object:
    if _is_names(value):
        value = listed(value)
    if not isinstance(value, str):
        return value
    text = _CONTROLS.sub("", value)
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
