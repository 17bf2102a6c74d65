"""The report of a run: tables as files, figures as SVG and PNG, and one page that holds it all."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from analysis.export import write_tables
from analysis.figures.render import render_figures
from analysis.page.html import PageSection, render
from analysis.sections import all_figures, all_sections, all_tables, captions
from analysis.sections.base import Report
from analysis.study.study import Study, read_study
from rayal.storage.atomic import write_bytes
from rayal.storage.files import files_of
from rayal.storage.location import Location


class Written(NamedTuple):
    """Where the files of a report lie."""

    page: Location
    tables: list[Location]
    figures: list[Location]


def write(root: Location) -> Location:
    """Write report/index.html, tables/*.csv and figures/*.svg|png under a run; return the page.

    A run that is under way or has no finished trial gives a page that says so.

    Raises:
        rayal.storage.files.StoreError: root is no run, or a record in it cannot be read.
    """
    return write_all(root).page


def write_all(*roots: Location | str, out: Location | None = None) -> Written:
    """Like write, for one run or for several compared; returns every path.

    Args:
        roots: a run's directory each.
        out: where all is written: by default into the run, or into a folder beside the first.
    """
    report = make_report(read_study(*roots, out=out))
    page = page_of(report).encode()
    root = report.study.run.root
    with files_of(root).upload_dir(root) as folder:
        tables = write_tables(folder / "tables", report.tables, captions())
        figures = _write_figures(folder / "figures", report)
        _write(folder / "report" / "index.html", page)
    return Written(
        root / "report" / "index.html",
        [root / "tables" / path.name for path in tables],
        [root / "figures" / path.name for path in figures],
    )


def make_report(study: Study) -> Report:
    """Compute all tables of a study and draw all its figures."""
    tables = all_tables(study)
    return Report(study, tables, render_figures(all_figures(study, tables)))


def page_of(report: Report) -> str:
    """Put a report's sections on one page; those with nothing to show are left out."""
    shown = (
        PageSection(section.anchor, section.title, section.heading, list(section.content(report)))
        for section in all_sections()
    )
    return render(report.study, [section for section in shown if section.blocks])


def _write_figures(folder: Path, report: Report) -> list[Path]:
    return [
        _write(folder / f"{figure.name}.{ending}", content)
        for figure in report.figures
        for ending, content in (("svg", figure.svg.encode()), ("png", figure.png))
    ]


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    write_bytes(path, content)
    return path
