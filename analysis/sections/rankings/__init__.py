"""Selections over all settings of a study: mean ranks, mean areas, who beats whom how often.

A *selection* is a strategy in a single query, and an initial with a query strategy in cycles. A
*block* is a setting: one dataset, encoder and learner. Single queries and cycles are apart. (The
columns of the tables go by older names: `way` is the selection, `rival` its opponent, `shape` the
query mode, `alike` the letters of the compact display.)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from analysis.page.blocks import Block
from analysis.page.table import PageTable
from analysis.sections.base import Report, Tables, folded, section
from analysis.sections.rankings.blocks import tables_by_mode
from analysis.sections.rankings.mean_areas import overall, overall_table
from analysis.sections.rankings.mean_ranks import ranks, ranks_table
from analysis.sections.rankings.wins import win_tie_loss, wins_table
from analysis.study.measures import IN_WORDS, in_order, table_of
from analysis.study.study import Study


def tables(study: Study, _earlier: Tables) -> Tables:
    """Ranks, mean areas, and wins of each against each."""
    by_name = {"ranks": ranks, "overall": overall, "win_tie_loss": win_tie_loss}
    return {
        table_of(name, measure): make(study, measure)
        for measure in study.measures
        for name, make in by_name.items()
    }


@section("overall", title="Overall", heading="Over all settings", order=60, tables=tables)
def content(report: Report) -> Iterator[Block]:
    """Mean areas, ranks, and wins, where there is more than one selection."""
    primary, *others = in_order(report.study.measure, report.study.measures)
    yield from _by(report, primary)
    for measure in others:
        yield from folded(f"By {IN_WORDS[measure]}", list(_by(report, measure)))


def _by(report: Report, measure: str) -> Iterator[PageTable]:
    """Yield mean areas, ranks and wins by one measure, where there is more than one selection."""
    of_all, of_ranks, of_wins = (
        report.tables[table_of(name, measure)] for name in ("overall", "ranks", "win_tie_loss")
    )
    means = tables_by_mode(of_all, partial(overall_table, measure))
    if any(len(table.rows) > 1 for table in means):
        several = of_ranks.groupby("shape")["blocks"].transform("max") > 1
        yield from means
        yield from tables_by_mode(of_ranks[several], partial(ranks_table, measure))
        yield from tables_by_mode(of_wins, partial(wins_table, measure))
