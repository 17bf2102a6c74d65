"""The sections of the report, one file each: tables, figures, sentences and what the page shows.

To add one, add a file; nothing else names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import pandas as pd

from analysis.figures.spec import FigureSpec
from analysis.page.typeset import PrintedTable
from analysis.sections.base import REGISTERED, MadeLater, Section, Tables
from analysis.study.study import Study


@cache
def all_sections() -> tuple[Section, ...]:
    """Return every section, in the order of the page."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return tuple(sorted(REGISTERED.values(), key=lambda section: section.order))


def all_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Compute the tables of every section, by the names of their files."""
    return {name: table for made in tables_by_section(study) for name, table in made.items()}


def tables_by_section(study: Study) -> list[Tables]:
    """Compute the tables of every section, in the order of the page."""
    tables: dict[str, pd.DataFrame] = {}
    made: dict[str, Tables | MadeLater] = {}
    for section in sorted(all_sections(), key=lambda section: not section.begin_early):
        of_section = made[section.anchor] = section.tables(study, tables)
        if not callable(of_section):
            tables |= of_section
    in_order = (made[section.anchor] for section in all_sections())
    return [of_section() if callable(of_section) else of_section for of_section in in_order]


def all_figures(study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Plan the figures of every section."""
    for section in all_sections():
        yield from section.figures(study, tables)


def all_prints(
    study: Study, tables: Tables, sections: Iterable[Section]
) -> Iterator[tuple[str, PrintedTable]]:
    """Make the tables for print of some sections, each with the name of its files."""
    for section in sections:
        yield from section.prints(study, tables).items()


def captions() -> dict[str, str]:
    """Return what tables are called in print, where their names do not say enough."""
    return {name: text for section in all_sections() for name, text in section.captions().items()}
