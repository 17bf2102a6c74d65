"""The sections of the report, one file each: tables, figures, sentences and what the page shows.

To add one, add a file; nothing else names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, cached_property
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


class BegunTables:
    """The tables of every section of a study, some of which other processes are computing."""

    def __init__(self, study: Study) -> None:
        ready: dict[str, pd.DataFrame] = {}
        begun: dict[str, Tables | MadeLater] = {}
        for section in sorted(all_sections(), key=lambda section: not section.begin_early):
            of_section = begun[section.anchor] = section.tables(study, ready)
            if not callable(of_section):
                ready |= of_section
        self.ready: Tables = ready
        self._by_section = {section.anchor: begun[section.anchor] for section in all_sections()}

    def is_ready(self, section: Section) -> bool:
        """Whether a section's tables are made."""
        return not callable(self._by_section[section.anchor])

    @cached_property
    def by_section(self) -> list[Tables]:
        """The tables of each section, in the order of the page; those not ready are waited for."""
        return [made() if callable(made) else made for made in self._by_section.values()]

    @cached_property
    def all(self) -> dict[str, pd.DataFrame]:
        """The tables by the names of their files; those not ready are waited for."""
        return {name: table for made in self.by_section for name, table in made.items()}


def all_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Compute the tables of every section, by the names of their files."""
    return BegunTables(study).all


def figures_by_section(
    study: Study, tables: BegunTables
) -> Iterator[tuple[Section, Iterable[FigureSpec]]]:
    """Plan the figures of every section; the last are those of tables that are waited for."""
    for section in sorted(all_sections(), key=tables.is_ready, reverse=True):
        is_ready = tables.is_ready(section)
        yield section, section.figures(study, tables.ready if is_ready else tables.all)


def all_prints(
    study: Study, tables: Tables, sections: Iterable[Section]
) -> Iterator[tuple[str, PrintedTable]]:
    """Make the tables for print of some sections, each with the name of its files."""
    for section in sections:
        yield from section.prints(study, tables).items()


def captions() -> dict[str, str]:
    """Return what tables are called in print, where their names do not say enough."""
    return {name: text for section in all_sections() for name, text in section.captions().items()}
