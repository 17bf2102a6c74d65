"""What people would want to know of a plan's encoders and learners before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from rayal.contracts import DataShape
from rayal.registry import ENCODERS, LEARNERS
from rayal.sweep.dataset_info import DatasetInfo
from rayal.sweep.definition import EncodingStage, Trial, encoding_stages


def component_notes(
    trials: Iterable[Trial], datasets: Mapping[str, DatasetInfo]
) -> dict[str, tuple[str, ...]]:
    """Return the notes on each embedding by its id, and on the learners that stand on it.

    Raises:
        ValueError: a component refuses what its parameters name.
    """
    return {
        key: tuple(_notes(stage, datasets[stage.trial.dataset_name]))
        for key, stage in encoding_stages(trials).items()
    }


def _notes(stage: EncodingStage, data: DatasetInfo) -> list[str]:
    shape = DataShape(data.train, data.test, tuple(data.image_shape))
    encoder = stage.trial.encoder
    notes: list[str] = []
    with suppress(FileNotFoundError):  # allowed in a plan to look at; `check` refuses it otherwise
        notes += ENCODERS.find(encoder.name).traits.notes(encoder.params, shape)
    standing = (t for t in stage.trials if t.embedding_id == stage.trial.embedding_id)
    learners = {repr(trial.learner): trial.learner for trial in standing}
    for learner in learners.values():
        with suppress(FileNotFoundError):
            said = LEARNERS.find(learner.name).traits.notes(learner.params, shape)
            notes += [f"learner {learner.name}: {note}" for note in said]
    return notes
