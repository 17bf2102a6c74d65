"""What people would want to know of a plan's components before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from rayal.contracts import DataShape
from rayal.kernels.rows import LARGE
from rayal.registry import ENCODERS, LEARNERS, STRATEGIES
from rayal.sweep.dataset_info import DatasetInfo
from rayal.sweep.definition import EncodingStage, Spec, Trial, encoding_stages


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
    for learner in _learners(stage):
        with suppress(FileNotFoundError):
            sentences = LEARNERS.find(learner.name).traits.notes(learner.params, shape)
            notes += [f"learner {learner.name}: {note}" for note in sentences]
    return [*notes, *_approximate_forms(stage, data.train)]


def _approximate_forms(stage: EncodingStage, N: int) -> list[str]:
    """Name the strategies that take an approximate form in a pool of N images."""
    if N <= LARGE:
        return []
    queries = (query for trial in stage.trials for query in (trial.initial, trial.strategy))
    names = {
        query.name
        for query in queries
        if "exact" in STRATEGIES.find(query.name).parameters and not query.params.get("exact")
    }
    return [
        f"strategy {name}: the approximate form, for the pool has more than {LARGE:,} images; "
        "exact: true insists on the exact one"
        for name in sorted(names)
    ]


def _learners(stage: EncodingStage) -> list[Spec]:
    """Return the learners that are trained on an embedding: trials' own, and those that score."""
    learners: dict[str, Spec] = {}
    for trial in stage.trials:
        if trial.embedding_id == stage.trial.embedding_id:
            learners[repr(trial.learner)] = trial.learner
        for query in (trial.initial, trial.strategy):
            on_stage = trial.embedding_of_query(query) == stage.trial.embedding_id
            if query.scored_by and on_stage:
                learners[repr(query.scored_by)] = query.scored_by
    return list(learners.values())
