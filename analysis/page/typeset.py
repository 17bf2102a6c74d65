"""Tables in print: LaTeX with the rules of booktabs, and Markdown; names from data are escaped."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analysis.figures.text import MINUS, NONE, one_line

MOST_COLUMNS, FEWEST_COLUMNS = 5, 2  # of values side by side; further ones stand below
TEXT_WIDTH = 345  # points, of the class article at 10 points: those of many journals are wider
NAME_WIDTH = 130  # points, beyond which a name goes on in a second line
_DIGIT, _SMALL_DIGIT = 4.7, 3.15  # points of a character, at \small and \scriptsize, on average
_GAP = 3  # points on both sides of a column
_PDFLATEX = "\u2013\u2014\u2018\u2019\u201c\u201d\u2026"  # dashes, quotation marks, ellipsis
_LAST_LATIN = 0x17F  # Latin letters with their marks
_LATEX = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\symbol{34}",
    MINUS: "$-$", NONE: "--", "†": r"\textsuperscript{\dag}", "±": r"$\pm$",
    "‡": r"\textsuperscript{\ddag}", "≤": r"$\leq$", "≥": r"$\geq$",
    # Parameters of strategies; pdfLaTeX does not know these letters by itself.
    "β": r"$\beta$", "δ": r"$\delta$", "ε": r"$\epsilon$", "λ": r"$\lambda$", "μ": r"$\mu$",
    "τ": r"$\tau$",
})  # fmt: skip
_MARKDOWN = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {sign: f"\\{sign}" for sign in r"\`*_[]|~#!"}
)


class PrintedCell(NamedTuple):
    """Text of a cell, whether it is bold, and what follows it in small type."""

    text: str
    bold: bool = False
    small: str = ""


@dataclass(frozen=True)
class PrintedTable:
    """Rows by names and values.

    Args:
        caption: what the table says, whole sentences.
        label: by which a text refers to it.
        names: headings of the columns that name a row.
        over: what stands above the headings of the values.
        values: headings of the values.
        rows: cells of names and values, one row each.
        bounds: as many of the last rows stand below a rule of their own.
    """

    caption: str
    label: str
    names: Sequence[str]
    over: str
    values: Sequence[str]
    rows: Sequence[Sequence[PrintedCell]]
    bounds: int = 0


def in_latex(text: str) -> str:
    """Escape a text for LaTeX, on one line."""
    return one_line(text).translate(_LATEX)


def in_markdown(text: str) -> str:
    """Escape a text for Markdown, on one line."""
    return one_line(text).translate(_MARKDOWN)


def latex_row(cells: Sequence[str]) -> str:
    """Put cells into a row; after the row before, [ and * of a name would be its options."""
    row = " & ".join(cells)
    return rf"{{}}{row} \\" if row.lstrip().startswith(("[", "*")) else rf"{row} \\"


def latex_table(table: PrintedTable) -> str:
    """Write a table for the package booktabs, in parts where it is wider than an article's text."""
    total, side_by_side = len(table.values), _values_that_fit(table)
    number = max(1, math.ceil(total / side_by_side))
    size = max(1, math.ceil(total / number))
    parts = [_tabular(table, start, start + size) for start in range(0, max(total, 1), size)]
    return noted("\n".join([
        r"\begin{table}", r"\centering", rf"\caption{{{in_latex(table.caption)}}}",
        rf"\label{{{_label(table.label)}}}",
        rf"\smallskip\small\setlength{{\tabcolsep}}{{{_GAP}pt}}",
        "\n\\par\\medskip\n".join(parts), r"\end{table}", "",
    ]))  # fmt: skip


def noted(latex: str) -> str:
    """Put a comment before a text in LaTeX that has characters which pdfLaTeX does not know."""
    unknown = sorted({sign for sign in latex if ord(sign) > _LAST_LATIN and sign not in _PDFLATEX})
    if not unknown:
        return latex
    return (
        f"% pdfLaTeX does not know {' '.join(unknown[:10])}: compile with LuaLaTeX, with\n"
        "% \\usepackage{fontspec} and \\setmainfont of a font that has such characters.\n"
        f"{latex}"
    )


def _values_that_fit(table: PrintedTable) -> int:
    """Return how many columns of values stand beside the names, by the widths of characters."""
    count = len(table.names)
    names = [
        max([_width(PrintedCell(name)), *(_width(row[place]) for row in table.rows)])
        for place, name in enumerate(table.names)
    ]
    values = [_width(cell) for row in table.rows for cell in row[count:]]
    room = TEXT_WIDTH - sum(min(width, NAME_WIDTH) + 2 * _GAP for width in names)
    fit = int(room / (max(values, default=0) + 2 * _GAP))
    return min(max(fit, FEWEST_COLUMNS), MOST_COLUMNS)


def _width(cell: PrintedCell) -> float:
    """Return about how many points a cell is wide."""
    return _DIGIT * len(cell.text) + _SMALL_DIGIT * (len(cell.small) + bool(cell.small))


def markdown_table(table: PrintedTable) -> str:
    """Write a table in Markdown: the caption as a paragraph above it."""
    headings = [*table.names, *(f"{table.over} {value}".strip() for value in table.values)]
    rules = ["---"] * len(table.names) + ["---:"] * len(table.values)
    cells = [[_markdown_cell(cell) for cell in row] for row in table.rows]
    lines = [
        f"| {' | '.join(line)} |" for line in [list(map(in_markdown, headings)), rules, *cells]
    ]
    return f"{in_markdown(table.caption)}\n\n" + "\n".join(lines) + "\n"


def _tabular(table: PrintedTable, start: int, stop: int) -> str:
    """Write the names and the values from start up to stop."""
    names, values = len(table.names), table.values[start:stop]
    over = [
        f"{'& ' * names}\\multicolumn{{{len(values)}}}{{c}}{{{in_latex(table.over)}}} \\\\",
        rf"\cmidrule(lr){{{names + 1}-{names + len(values)}}}",
    ]
    rows = [
        latex_row(list(map(_latex_cell, [*row[:names], *row[names:][start:stop]])))
        for row in table.rows
    ]
    if table.bounds:
        rows.insert(len(rows) - table.bounds, r"\midrule")
    head = latex_row(list(map(in_latex, [*table.names, *values])))
    return "\n".join([
        rf"\begin{{tabular}}{{{'l' * names}{'r' * len(values)}}}", r"\toprule", *over, head,
        r"\midrule", *rows, r"\bottomrule", r"\end{tabular}",
    ])  # fmt: skip


def _latex_cell(cell: PrintedCell) -> str:
    text = in_latex(cell.text)
    shown = rf"\textbf{{{text}}}" if cell.bold else text
    if _width(cell) > NAME_WIDTH and not cell.small:
        shown = rf"\parbox[t]{{{NAME_WIDTH}pt}}{{\raggedright\hangindent=1em {shown}\strut}}"
    return rf"{shown} {{\scriptsize {in_latex(cell.small)}}}" if cell.small else shown


def _markdown_cell(cell: PrintedCell) -> str:
    text = in_markdown(cell.text)
    shown = f"**{text}**" if cell.bold and text else text
    return f"{shown} {in_markdown(cell.small)}" if cell.small else shown


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9:.-]+", "-", name)
