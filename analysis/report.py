"""The report of a run: tables and figures as files, and one page that holds it all."""

from __future__ import annotations

import gc
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis import processes
from analysis.export import write_printed, write_tables
from analysis.figures.render import RenderedFigure, begin_drawing, rendered_figures
from analysis.file_writing import Write, file_writing
from analysis.page.html import PageSection, render
from analysis.page.typeset import PrintedTable
from analysis.sections import BegunTables, all_prints, all_sections, captions, figures_by_section
from analysis.sections.base import Report, Section
from analysis.study.study import Study, read_study
from rayal.hints import nearest
from rayal.storage.atomic import write_bytes
from rayal.storage.files import StoreError, files_of
from rayal.storage.location import Location

COLLECT_AFTER = 10_000  # new objects; Python's 700 look through hundreds of thousands too often
ZIPPED_IN = (1980, 1, 1, 0, 0, 0)  # the same report is the same bundle on any day


class Written(NamedTuple):
    """Where the files of a report lie."""

    page: Location
    tables: list[Location]
    figures: list[Location]


@contextmanager
def _quick_making() -> Iterator[None]:
    """Have other processes at hand, look for garbage less often, and hold text as Python does.

    Tables of a report are short and read cell by cell, which pyarrow's strings are slow at.
    """
    strings = pd.option_context("mode.string_storage", "python")
    with processes.at_hand(), _rare_collections(), strings:
        yield


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let Python look for garbage less often: tables and drawings are freed without its search."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], COLLECT_AFTER), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def write(root: Location | str) -> Location:
    """Write report/index.html, tables/ and figures/ under a run; return the page.

    A run that is under way or has no finished trial gives a page that says so.

    Raises:
        rayal.storage.files.StoreError: root is no run, or a record in it cannot be read.
    """
    return write_all(root).page


@_quick_making()
def write_all(
    *roots: Location | str, out: Location | str | None = None, only: Sequence[str] = ()
) -> Written:
    """Like write, for one run or for several compared; returns every path.

    Args:
        roots: a run's directory each.
        out: where all is written: by default into the run, or into a folder beside the first.
        only: sections by their anchors: the page has these, and only the figures that it shows and
            the tables made for print of these are drawn and written. All where none is named.

    Raises:
        rayal.storage.files.StoreError: a root is no run, a record in it cannot be read, or there is
            no such section.
    """
    chosen = sections_named(only)
    report = make_report(read_study(*roots, out=out), draw_ahead=not only)
    root = report.study.run.root
    with files_of(root).upload_dir(root) as folder, file_writing() as write:
        index = folder / "report" / "index.html"
        tables, drawn = _write_parts(folder, index, report, chosen, only, write)
    return Written(
        root / "report" / "index.html",
        [root / "tables" / path.name for path in tables],
        [root / "figures" / path.name for path in drawn],
    )


@_quick_making()
def write_bundle(path: Path, *roots: Location | str, only: Sequence[str] = ()) -> int:
    """Write a report as one ZIP for any web server: index.html, and all that it links to.

    Args:
        path: of the ZIP; one that is there is replaced when the new one is whole.
        roots: a run's directory each.
        only: as of write_all.

    Returns:
        How many files it holds.

    Raises:
        rayal.storage.files.StoreError: as of write_all; a place for the ZIP that holds something
            else, or lies in no folder.
    """
    _check_bundle(path)
    chosen = sections_named(only)
    report = make_report(read_study(*roots), draw_ahead=not only)
    with tempfile.TemporaryDirectory() as staging:
        folder = Path(staging)
        with file_writing() as write:
            _write_parts(folder, folder / "index.html", report, chosen, only, write)
        return _zip(folder, path)


def _check_bundle(path: Path) -> None:
    """Refuse a path at which something else than a ZIP would be lost."""
    if not path.absolute().parent.is_dir():
        raise StoreError(f"--bundle {path}: there is no folder {path.parent}; make it")
    if path.is_dir() or (path.exists() and not zipfile.is_zipfile(path)):
        what = "a folder" if path.is_dir() else "a file that is no ZIP"
        raise StoreError(
            f"--bundle {path}: {what} is there, and would be lost; name another file, or remove it"
        )


def load_libraries() -> None:
    """Import what making a report imports, for who has time before it is made."""
    import scipy.stats  # noqa: F401 - which some tables import

    all_sections()
    processes.start("sklearn.cluster", "sklearn.manifold", "sklearn.metrics")


def sections_named(anchors: Sequence[str]) -> list[Section]:
    """Return the sections with these anchors in the order of the page, or all where none is named.

    Raises:
        rayal.storage.files.StoreError: there is no such section.
    """
    every = {section.anchor: section for section in all_sections()}
    for anchor in anchors:
        if anchor not in every:
            close = nearest(anchor, every)
            raise StoreError(
                f"the report has no section {anchor!r}{close}; it has {', '.join(every)}"
            )
    return [section for section in every.values() if section.anchor in anchors or not anchors]


def make_report(study: Study, *, draw_ahead: bool = False) -> Report:
    """Compute all tables of a study and plan all its figures.

    draw_ahead: whether other processes begin to draw them all now.
    """
    tables = BegunTables(study)
    drawings = {
        section.anchor: [(spec, begin_drawing(spec, ahead=draw_ahead)) for spec in specs]
        for section, specs in figures_by_section(study, tables)
    }
    in_order = [drawing for section in all_sections() for drawing in drawings[section.anchor]]
    return Report(study, tables.all, rendered_figures(in_order))


def page_of(report: Report, sections: Sequence[Section] = (), base: str = "../") -> str:
    """Put a report's sections on one page; those with nothing to show are left out.

    Args:
        report: what the sections show.
        sections: those of the page; all where none is given.
        base: from the page to the folders of tables and figures.
    """
    shown = (
        PageSection(section.anchor, section.title, section.heading, list(section.content(report)))
        for section in sections or all_sections()
    )
    return render(report.study, [section for section in shown if section.blocks], base)


def prints_of(report: Report, sections: Sequence[Section]) -> Mapping[str, PrintedTable]:
    """Return the tables that sections make for print."""
    return dict(all_prints(report.study, report.tables, sections))


def _write_parts(
    folder: Path,
    index: Path,
    report: Report,
    chosen: Sequence[Section],
    only: Sequence[str],
    write: Write,
) -> tuple[list[Path], list[Path]]:
    """Write tables, page and figures; of some sections alone, those that their page has drawn.

    Tables come first: other processes draw meanwhile, and the page waits for the figures.
    """
    tables = write_tables(folder / "tables", report.tables, captions(), write)
    write_printed(folder / "tables", prints_of(report, chosen), write)
    base = "../" if index.parent != folder else ""
    write(index, page_of(report, chosen, base).encode())
    figures = [figure for figure in report.figures if figure.is_drawn or not only]
    return tables, [path for f in figures for path in _write_figure(folder / "figures", f, write)]


def _write_figure(folder: Path, figure: RenderedFigure, write: Write) -> Iterator[Path]:
    files = figure.files
    for ending, content in (("svg", files.svg.encode()), ("png", files.png), ("pdf", files.pdf)):
        yield write(folder / f"{figure.name}.{ending}", content)


def _zip(folder: Path, path: Path) -> int:
    """Put all files of a folder into a ZIP, in the order of their names."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    with tempfile.SpooledTemporaryFile() as archive_file:
        with zipfile.ZipFile(archive_file, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                name = zipfile.ZipInfo(file.relative_to(folder).as_posix(), ZIPPED_IN)
                name.compress_type, name.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(name, file.read_bytes())
        archive_file.seek(0)
        write_bytes(path, archive_file.read())
    return len(files)
