"""The one look of all figures: colors, lines, type, and how a figure becomes files.

Hues are Okabe and Ito's, which color-blind readers tell apart, without their yellow, which
vanishes on white; marker and dash change too, so that print in gray still reads. Random selection
is always the dotted gray line.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from analysis.figures import fonts, tooltips
from analysis.figures.text import printable

HUES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8f5bb5")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (4, 1.5, 1, 1.5)), (0, (8, 2)))
# The page puts its own colors in place of these three, so that figures follow light and dark.
INK, MUTED, GRID = "#1c1d1f", "#6a6d72", "#e1e3e6"
THEMED = {INK: "--ink", MUTED: "--muted", GRID: "--line"}
SEQUENTIAL = "cividis"
LONGEST = 64  # letters of a name in a figure

RC: dict[Any, Any] = {
    "svg.hashsalt": "rayal",
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica", "sans-serif"],
    "font.size": 9,
    "text.parse_math": False,  # a name may hold a dollar sign
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "figure.dpi": 100,
    "pdf.fonttype": 42,  # letters, not outlines: journals ask for it
}


@dataclass(frozen=True)
class Line:
    """How one strategy is drawn, in every figure of a run."""

    color: str
    marker: str
    dash: Any
    above: int  # order of drawing


def lines(labels: Iterable[str], baseline: str) -> dict[str, Line]:
    """Give every strategy of a run its color, marker and dash, by order of appearance."""
    others = [label for label in dict.fromkeys(labels) if label != baseline]
    n = len(HUES)
    looks = {
        label: Line(HUES[i % n], MARKERS[(i + i // n) % n], DASHES[i // n % len(DASHES)], 3)
        for i, label in enumerate(others)
    }
    return {**looks, baseline: Line(MUTED, ".", (0, (1, 1.2)), 4)}


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches."""
    return Figure(figsize=(width, height), layout="constrained")


def grid_axes(figure: Figure, rows: int, columns: int, **shared: Any) -> list[list[Axes]]:
    """Return a rows x columns grid of axes with a quiet grid behind."""
    axes: list[list[Axes]] = figure.subplots(rows, columns, squeeze=False, **shared).tolist()
    for axis in (a for row in axes for a in row):
        axis.grid(visible=True)
        axis.tick_params(length=0)
    return axes


def label_outer(axes: list[list[Axes]], used: int, below: str, left: str) -> None:
    """Hide the axes that are not used; name the outer sides of the rest."""
    flat, columns = [axis for row in axes for axis in row], len(axes[0])
    for axis in flat[used:]:
        axis.set_visible(False)
    for axis in flat[max(0, used - columns) : used]:
        axis.set_xlabel(below)
        axis.xaxis.set_tick_params(labelbottom=True)
    for row in axes:
        row[0].set_ylabel(left)


def columns_for(panels: int) -> int:
    """Three beside one another at most, and no panel alone in the second row."""
    return 2 if panels == 4 else min(3, panels)


def legend_name(name: object) -> str:
    """A name as a legend shows it; matplotlib leaves out those that begin with "_"."""
    text = printable(name, LONGEST)
    return f" {text}" if text.startswith("_") else text


def legend_columns(names: Iterable[str], width: float) -> int:
    """How many of the longest name fit beside one another in a figure of that width, in inches."""
    longest = max((len(name) for name in names), default=0)
    return max(1, min(5, int(width / (0.62 + 0.072 * longest))))


def legend_below(figure: Figure) -> None:
    """Put one legend for the whole figure under it, each name once, none cut off."""
    named: dict[str, Any] = {}
    for axis in figure.axes:
        for handle, name in zip(*axis.get_legend_handles_labels(), strict=True):
            named.setdefault(name, handle)
    if named:
        handles, names = list(named.values()), list(named)
        columns = legend_columns(names, figure.get_figwidth())
        figure.legend(handles, names, loc="outside lower left", ncols=columns, handlelength=2.6)


class FigureFiles(NamedTuple):
    """A figure as SVG text, as PNG at 200 dots an inch, and as PDF; the last two white behind."""

    svg: str
    png: bytes
    pdf: bytes


def as_files(draw: Callable[[], Figure]) -> FigureFiles:
    """Draw a figure once for each kind of file.

    The same figure gives the same files on any day. The canvases are called directly: savefig
    would lay the figure out and draw it twice for either.
    """
    with mpl.rc_context(RC), warnings.catch_warnings():
        # The page and the SVG show such letters by the reader's fonts.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = draw()
        engine = figure.get_layout_engine()
        if engine is not None:
            engine.execute(figure)
        figure.set_layout_engine("none")
        svg = tooltips.written(_svg(figure), figure)
        return FigureFiles(svg, _png(figure), _pdf(figure))


def _svg(figure: Figure) -> str:
    target = io.StringIO()
    figure.set_dpi(150)  # of what is drawn as a picture inside
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(target, metadata={"Date": None, "Creator": None})
    return target.getvalue()


def _png(figure: Figure) -> bytes:
    target = io.BytesIO()
    figure.set_dpi(200)
    figure.set_facecolor("white")
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(target, metadata={"Software": None}, pil_kwargs={"compress_level": 3})
    return target.getvalue()


def _pdf(figure: Figure) -> bytes:
    target = io.BytesIO()
    figure.set_dpi(150)  # of what is drawn as a picture inside
    canvas: Any = FigureCanvasPdf(figure)
    nothing = {"CreationDate": None, "Creator": None, "Producer": None}
    with fonts.without_text_rules():
        canvas.print_pdf(target, metadata=nothing)
    return target.getvalue()


def file_names(names: Sequence[str], longest: int = 100) -> list[str]:
    """Turn names into distinct ones that are safe in every file system and address.

    Those that differ in capitals alone are one name to some file systems.
    """
    used_names: list[str] = []
    for name in names:
        safe = re.sub(r"[^A-Za-z0-9._=]+", "-", name).strip("-.")[:longest] or "figure"
        numbered = re.compile(rf"{re.escape(safe)}(-\d+)?", re.IGNORECASE)
        same = [used for used in used_names if numbered.fullmatch(used)]
        used_names.append(f"{safe}-{len(same) + 1}" if same else safe)
    return used_names
