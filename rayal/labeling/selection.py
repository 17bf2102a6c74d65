"""The choice of a round: which images, in which order, by which strategy.

No image is chosen twice, nor one whose near-duplicate was chosen or answered. At most m images of a
group are chosen in a round. Images to audit are drawn at random, before all others.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator

import numpy as np

from rayal.contracts import Indices
from rayal.label_arrays import has_label, is_multilabel
from rayal.labeling import reasons
from rayal.labeling.answers_so_far import AnswersSoFar, answers_so_far
from rayal.labeling.current_files import why_lost
from rayal.labeling.errors import LabelingError
from rayal.labeling.labeled import Bools
from rayal.labeling.project import Project
from rayal.labeling.query import Query
from rayal.labeling.rounds import Chosen, Round
from rayal.seeds import generator


def choose(project: Project, budget: int, audit: int) -> Round:
    """Choose the images of the next round.

    Args:
        project: whose pool is whole.
        budget: images to choose.
        audit: images to draw at random besides, first.

    Raises:
        LabelingError: nothing is left, or the strategy cannot choose.
    """
    number = len(project.rounds) + 1
    so_far = answers_so_far(project)
    rng = generator("labeling round", project.settings.seed, number)
    present = _PresentImages(project)
    audited = present.rows(lambda gone: _draw(project, so_far.closed | gone, audit, rng))
    closed = so_far.closed | np.isin(project.pool.standing, project.pool.standing[audited])
    query = Query.of(project, so_far, number)
    chosen = present.rows(lambda gone: query.ask(budget, closed | gone))
    if not len(chosen) and not len(audited):
        raise _nothing_left(project, present.notes)
    shortfall = _shortfall(query.per_group, budget, len(chosen))
    return Round(
        number=number,
        chosen=tuple(_in_rank_order(project, so_far, query, audited, chosen)),
        strategy=query.strategy,
        seed=project.settings.seed,
        budget=budget,
        audit=audit,
        labels=int(has_label(so_far.labels).sum()),
        made_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        notes=(*present.notes, *shortfall),
    )


class _PresentImages:
    """Draws images whose files are as they were read; notes say which were not."""

    def __init__(self, project: Project) -> None:
        self.notes: list[str] = []
        self._project = project
        self._gone = np.zeros(len(project.pool), dtype=bool)

    def rows(self, draw: Callable[[Bools], Indices]) -> Indices:
        """Draw rows (n,) of an image each, given which (N,) are gone, until none of them is."""
        while True:
            rows = draw(self._gone)
            lost = {int(row): why for row in rows if (why := why_lost(self._project, int(row)))}
            if not lost:
                return rows
            for row, why in lost.items():
                self._gone[row] = True
                self.notes.append(f"{self._project.pool[row].path} {why}, and was not chosen")


def _draw(project: Project, closed: Bools, count: int, rng: np.random.Generator) -> Indices:
    """Draw rows (n,) at random of those (N,) that are not closed, none two of one bundle."""
    order = rng.permutation(np.flatnonzero(~closed))
    first = np.sort(np.unique(project.pool.standing[order], return_index=True)[1])
    return order[first][:count]


def _nothing_left(project: Project, notes: list[str]) -> LabelingError:
    return LabelingError(
        f"no image is left to choose of {len(project.pool):,}: all were chosen, answered, or "
        "are near-duplicates of such" + (f"; {'; '.join(notes)}" if notes else "")
    )


def _shortfall(per_group: int | None, budget: int, chosen: int) -> list[str]:
    if chosen == budget:
        return []
    rule = f" with at most {per_group} of a group" if per_group is not None else ""
    return [f"{budget:,} images were asked for, and {chosen:,} are left to choose{rule}"]


def _in_rank_order(
    project: Project, so_far: AnswersSoFar, query: Query, audited: Indices, chosen: Indices
) -> Iterator[Chosen]:
    """Yield the images of a round, those to audit first, each with its reason."""
    represented = reasons.explain(query.features, so_far.labels, chosen)
    for rank, row in enumerate(map(int, (*audited, *chosen)), start=1):
        guess = _guess(query, row)
        near = reasons.nearest_labeled(query.features, so_far.labels, row)
        represents = represented.get(row, 1)
        is_audit = rank <= len(audited)
        yield Chosen(
            rank=rank,
            rayal_id=project.pool.ids[row],
            purpose="audit" if is_audit else "selection",
            reason=reasons.AUDIT if is_audit else reasons.in_words(guess, represents),
            represents=represents,
            nearest_labeled="" if near is None else project.pool.ids[near],
            predicted="" if guess is None else guess.predicted,
            confidence=0.0 if guess is None else guess.confidence,
        )


def _guess(query: Query, row: int) -> reasons.Guess | None:
    probs = None if query.predictions is None else query.predictions.pool[row]
    return reasons.guess_of(probs, query.classes, is_multilabel(query.labels))
