"""What Tune says while it runs, passed on to our events; and what it must not keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rayal.events.outcome import Outcome
from rayal.run.trial_events import TrialEvents

if TYPE_CHECKING:
    from ray.tune import Callback
    from ray.tune.experiment import Trial as TuneTrial

NODE_LOST = (  # how Ray says it; Tune hands on no more than the text
    "its node has died",
    "The actor is temporarily unavailable",  # nothing answers, and nobody knows yet
    "ObjectLostError",
)


def make_callback(events: TrialEvents) -> Callback:
    """Listen to Tune; end its run when the trials have ended or the store is full."""
    from ray import tune

    class TrialEventsCallback(tune.Callback):
        def __init__(self, events: TrialEvents) -> None:
            self._events = events

        def on_trial_start(
            self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: object
        ) -> None:
            self._events.started(trial.config["batch"])

        def on_trial_result(
            self,
            iteration: int,
            trials: list[TuneTrial],
            trial: TuneTrial,
            result: dict[str, Any],
            **info: object,
        ) -> None:
            self._events.took(trial.config["batch"], result["seconds"])
            outcomes: list[Outcome] = result["outcomes"]
            for outcome in outcomes:
                self._events.ended(outcome)

        def on_trial_error(
            self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: object
        ) -> None:
            trace = _trace(trial)
            with_node = was_lost_with_node(trace)
            self._events.worker_died(trial.config["batch"], trace, with_node=with_node)

        def on_step_end(self, iteration: int, trials: list[TuneTrial], **info: object) -> None:
            self._events.raise_at_end()

        def __getstate__(self) -> dict[str, object]:
            return {}

    return TrialEventsCallback(events)


def was_lost_with_node(trace: str) -> bool:
    """Whether Ray says that a node was lost, or the way to it, or what lay on it."""
    return any(sign in trace for sign in NODE_LOST)


def _trace(trial: TuneTrial) -> str:
    path = Path(trial.error_file) if trial.error_file else None
    return path.read_text(encoding="utf-8") if path and path.exists() else "no trace was left"


def make_memory_trimmer() -> Callback:
    """Let go of the statistics of trials that have ended: Tune keeps them, 14 kB a trial."""
    from ray import tune

    class MemoryTrimmer(tune.Callback):
        def on_trial_complete(
            self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: object
        ) -> None:
            trial.metric_analysis.clear()
            trial.metric_n_steps.clear()

    return MemoryTrimmer()
