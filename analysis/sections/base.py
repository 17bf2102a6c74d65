"""What a section of the report is, and how a file makes itself one.

A section is one file of this package: its tables, its figures, its sentences, and what the page
shows of them, registered by `@section` on the function that yields the blocks of the page:

    @section("again", title="Make it again", heading="Make it again", order=120, tables=tables)
    def content(report: Report) -> Iterator[Block]:
        yield from report.gallery("curves")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pandas as pd

from analysis.figures.render import RenderedFigure
from analysis.figures.spec import FigureSpec
from analysis.page.blocks import Block, Folded, Gallery, Sentence
from analysis.page.table import PageTable
from analysis.page.typeset import PrintedTable
from analysis.study.grouping import SETTING, groups, query_modes
from analysis.study.measures import IN_WORDS
from analysis.study.stopped import SPARED
from analysis.study.study import Study

MOST_SETTINGS = 6  # beyond this many, only the ends of the budgets are told
Tables: TypeAlias = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Report:
    """A study with all its tables and figures, from which sections take what they show."""

    study: Study
    tables: Tables
    figures: Sequence[RenderedFigure]

    def gallery(self, *kinds: str) -> Iterator[Gallery]:
        """Yield the figures of some kinds; nothing where there are none."""
        for kind in kinds:
            figures = [figure for figure in self.figures if figure.kind == kind]
            if figures:
                yield Gallery(figures)


@dataclass(frozen=True)
class Setting:
    """One dataset, encoder, learner and query mode, as the sentences about it need it.

    name: what tells it from the others of the study; rows: of the summary, of strategies that
    compete, where an AUC was measured; brief: of many settings, each is told about in few words.
    """

    name: str
    rows: pd.DataFrame
    report: Report
    brief: bool

    @property
    def baseline(self) -> str:
        """What random selection is called in the study; "" where there is none."""
        return self.report.study.baseline

    @property
    def measure(self) -> str:
        """The study's primary measure."""
        return self.report.study.measure

    @property
    def words(self) -> str:
        """The primary measure in words."""
        return IN_WORDS[self.measure]

    def selection_in_words(self, row: pd.Series) -> str:
        """Say who chose the images of a row of the summary."""
        if row["rounds"] == 1:
            return str(row["strategy"])
        if row["round"] == 0:
            return f"{row['initial']} as initial strategy"
        return self.report.study.selection(str(row["initial"]), str(row["strategy"]))

    def selections_with(self, labels: int) -> pd.DataFrame:
        """Return the rows with so many labels: a first query once, with the most trials.

        Later strategies go on from the same first query with the same seeds, some with fewer of
        them: the luckiest few are not to stand for it.
        """
        rows = self.rows[self.rows["labelled"] == labels]
        most = rows.sort_values("n", ascending=False, kind="stable")
        repeated = most.index[(most["round"] == 0) & most.duplicated(["round", "initial"])]
        return rows.drop(index=repeated)

    def table(self, name: str) -> pd.DataFrame:
        """Return the rows of a table that are of this setting, and of strategies that compete."""
        table, first = self.report.tables[name], self.rows.iloc[0]
        selected = pd.Series(True, table.index)
        for key in SETTING:
            selected &= table[key] == first[key]
        # A table without rounds is of cycles alone.
        cycles = table["rounds"] > 1 if "rounds" in table else pd.Series(True, table.index)
        return competing(table[selected & (cycles == (first["rounds"] > 1))], self.report.study)


Content: TypeAlias = Callable[[Report], Iterable[Block]]
MadeLater: TypeAlias = Callable[[], Tables]
MakeTables: TypeAlias = Callable[[Study, Tables], Tables | MadeLater]
MakeFigures: TypeAlias = Callable[[Study, Tables], Iterable[FigureSpec]]
MakeSentences: TypeAlias = Callable[[Setting], Iterable[Sentence]]
MakeCaptions: TypeAlias = Callable[[], Mapping[str, str]]
MakePrints: TypeAlias = Callable[[Study, Tables], Mapping[str, PrintedTable]]


@dataclass(frozen=True)
class Section:
    """A section of the page; see `section`, which makes one."""

    anchor: str
    title: str
    heading: str
    order: float
    begin_early: bool
    content: Content
    tables: MakeTables
    figures: MakeFigures
    sentences: MakeSentences
    captions: MakeCaptions
    prints: MakePrints


REGISTERED: dict[str, Section] = {}


def section(  # noqa: PLR0913 - the parts of a section, all but the first optional or words
    anchor: str,
    *,
    title: str,
    heading: str,
    order: float,
    begin_early: bool = False,
    tables: MakeTables = lambda _study, _tables: {},
    figures: MakeFigures = lambda _study, _tables: (),
    sentences: MakeSentences = lambda _setting: (),
    captions: MakeCaptions = dict,
    prints: MakePrints = lambda _study, _tables: {},
) -> Callable[[Content], Content]:
    """Register a function as the content of a section: what the page shows, block by block.

    A section whose function yields nothing is left out of the page.

    Args:
        anchor: its id on the page.
        title: what it is called in the navigation.
        heading: what stands above it.
        order: sections follow one another by it.
        begin_early: whether its tables are begun before those of the others, as they take long.
        tables: of the study, from the tables of the sections before it, by their files' names; or
            a function that returns them, which is called when all others are made.
        figures: of the study, from its own tables and all that no function returns; any section
            may show them, by their kind.
        sentences: for the findings, about one setting.
        captions: of tables in print, where their names do not say enough.
        prints: tables made for print, of the study and all tables, by their files' names.

    Raises:
        ValueError: another section has the anchor.
    """

    def register(content: Content) -> Content:
        if anchor in REGISTERED:
            raise ValueError(f"two sections have the anchor {anchor!r}")
        new_section = Section(
            anchor, title, heading, order, begin_early, content, tables, figures, sentences,
            captions, prints,
        )  # fmt: skip
        REGISTERED[anchor] = new_section
        return content

    return register


def folded(title: str, tables: Sequence[PageTable]) -> Iterator[Folded]:
    """Yield tables to be unfolded; nothing where there are none."""
    if tables:
        yield Folded(title, tables)


def non_empty(tables: Tables) -> Tables:
    """Leave out the tables that have no row."""
    return {name: table for name, table in tables.items() if len(table)}


def competing(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Leave out the rows of strategies that read true labels: bounds, which do not compete."""
    if not {"initial", "strategy"} <= set(table):
        return table
    bounds = table["initial"].isin(study.oracles) | table["strategy"].isin(study.oracles)
    rows: pd.DataFrame = table[~bounds]
    return rows


def complete(summary: pd.DataFrame) -> pd.DataFrame:
    """Leave out the rows of the summary whose strategy was stopped there."""
    return summary if SPARED not in summary else summary[summary[SPARED] == 0]


def settings(report: Report) -> list[Setting]:
    """Split the summary by setting and query mode, in which sentences are told."""
    summary = report.tables["summary"]
    measured = competing(complete(summary[summary["n"] > 0]), report.study)
    measured = measured.assign(mode=query_modes(measured))
    parts = list(groups(measured, [*SETTING, "mode"]))
    brief = len(parts) > MOST_SETTINGS
    return [Setting(_setting_name(key, measured), rows, report, brief) for key, rows in parts]


def _setting_name(key: dict[str, str], rows: pd.DataFrame) -> str:
    """Name of a setting: the dataset, and what else differs between settings."""
    parts = [key["dataset"]]
    parts += [key[k] for k in ("encoder", "learner", "mode") if rows[k].nunique() > 1]
    return ", ".join(parts)
