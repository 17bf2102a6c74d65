"""Hands Tune our batches of trials one by one, as they become available."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rayal.run.queue import TrialQueue

if TYPE_CHECKING:
    from ray.tune.search import Searcher


def make_searcher(queue: TrialQueue) -> Searcher:
    """A searcher that suggests the queue's batches, and learns nothing from how they end."""
    from ray.tune.search import Searcher

    class BatchSearcher(Searcher):
        def __init__(self, queue: TrialQueue) -> None:
            super().__init__()
            self._queue = queue

        def suggest(  # type: ignore[override] # FINISHED is a str
            self, trial_id: str
        ) -> dict[str, list[str]] | str | None:
            batch = self._queue.next_batch()
            if batch is not None:
                return {"batch": batch}
            at_end = self._queue.fatal or self._queue.is_exhausted
            return Searcher.FINISHED if at_end else None

        def on_trial_complete(
            self, trial_id: str, result: object = None, error: bool = False
        ) -> None:
            """Nothing is learned from a trial: the grid is fixed."""

        def save(self, checkpoint_path: str) -> None:
            """Nothing is saved: records say what is done."""

        def restore(self, checkpoint_path: str) -> None:
            """Nothing is restored."""

        def __getstate__(self) -> dict[str, object]:
            return {}

    return BatchSearcher(queue)
