"""Run a sweep's trials one after the other in this process, without Ray."""

from __future__ import annotations

from collections.abc import Sequence

from rayal.events.bar import Progress
from rayal.events.outcome import Outcome
from rayal.run.worker import attempt, load_dataset, load_world, prepare
from rayal.storage.files import StoreError
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial, group_by_embedding
from rayal.sweep.plan import Plan


def run(plan: Plan, todo: Sequence[Trial], store: RunStore, progress: Progress) -> None:
    """Prepare each encoder stage, then run its trials.

    Raises:
        StoreError: the store can take no more.
    """
    resources = plan.sweep.resources
    for mine in group_by_embedding(todo).values():
        stage = progress.stage(mine[0])
        try:
            prepare(mine[0], store, stage.update, resources.pretrain.threads)
            world = load_world(mine[0], load_dataset(mine[0]), store)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - an encoder's failure is that of its trials
            fail_all(mine, store, progress, error)
            continue
        stage.done()
        for bundle in plan.bundles(mine, slots=1):
            progress.trials_started([trial.id for trial in bundle])
            for outcome in attempt(bundle, world, store, resources.trial.threads):
                if outcome.fatal:
                    raise StoreError(outcome.error)
                progress.trial_ended(outcome)


def fail_all(
    trials: Sequence[Trial], store: RunStore, progress: Progress, error: BaseException
) -> None:
    """Leave the same failure for every trial that stood on one encoder stage."""
    import traceback

    message = f"{type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error))
    for trial in trials:
        store.save_failure(trial.id, trial.definition(), message, trace)
        progress.trial_ended(Outcome(trial.id, message))
