"""Strategies that `prune` stopped: what the page lacks of them, and why no table takes the rest."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.evidence.markdown import table
from analysis.figures.text import NONE
from analysis.study.study import Study
from rayal.storage.stopped import Stopped

HEADING = "## Stopped by pruning"


def stopped_cells(study: Study) -> Iterator[str]:
    """Yield the section; nothing where none was stopped."""
    if not study.stopped:
        return
    yield HEADING
    yield ""
    yield (
        "`prune` stopped these strategies there, as they clearly lost to random selection. Nothing "
        "of them there is on this page or in `evidence.csv`: their means, ranks, wins and losses "
        "are over their better cells alone, and too good."
    )
    yield ""
    heads = ("strategy", "data", "encoder", "learner", "first query", "labels", "pairs lost")
    rows = [
        (f"`{one['strategy']}`", one["dataset"], one["encoder"], one["learner"], _first(one),
         ", ".join(map(str, one["schedule"])), f"{one['lost']} of {one['pairs']}")
        for one in study.stopped
    ]  # fmt: skip
    yield from table(heads, rows)


def check_none_stopped(study: Study) -> None:
    """Refuse runs that lack what lost, for a table keeps no word of that.

    Raises:
        ValueError: strategies were stopped, with the way out.
    """
    if study.stopped:
        names = ", ".join(sorted({one["strategy"] for one in study.stopped}))
        raise ValueError(
            f"prune stopped {names} where they clearly lost, and a table that these runs are added "
            "to would count the other cells alone: run what was spared (rayal sweep with --set "
            "prune=null) first, or leave --add-to out, so that the page says what is lacking"
        )


def _first(one: Stopped) -> str:
    return one["initial"] if len(one["schedule"]) > 1 else NONE
