"""Plans and records for tests of storage, complete and small."""

from typing import Any

import numpy as np

from rayal.contracts import DatasetMap, Embedding
from rayal.storage.formats import PlanFile, Record, make_record


def record(trial: str, *rounds: dict[str, Any]) -> Record:
    """A record with these rounds; what is not given of one is added."""
    seconds = {"select_seconds": 0.5, "train_seconds": 2.0}
    rows = [{"round": number, **seconds, **row} for number, row in enumerate(rounds)]
    return make_record(trial, {"seed": 0}, {"rayal": "0"}, "here", rows)


def definition(**more: Any) -> dict[str, Any]:
    """The definition of a trial of one round, as plans and records have it."""
    kinds = {"dataset": "digits", "encoder": "pixels", "learner": "knn"}
    kinds |= {"initial": "random", "strategy": "random"}
    components = {kind: {"name": name, "params": {}} for kind, name in kinds.items()}
    rest = {"schedule": [10], "seed": 0, "dataset_name": "digits", "artefact": "key"}
    return {**components, **rest, **more}


def plan(*trials: str, **more: Any) -> PlanFile:
    """The plan of a sweep 'mine' with these trials."""
    return {
        "schema": 1, "name": "mine", "question": "", "cost": "", "expect": "", "command": "",
        "versions": {}, "datasets": {}, "artefacts": {},
        "trials": {trial: definition() for trial in trials}, **more,
    }  # type: ignore[typeddict-item]  # fmt: skip


def embedding() -> Embedding:
    rng = np.random.default_rng(0)
    taus = (0.2, 0.05, 0.001)
    return Embedding(
        train=rng.random((6, 3), dtype=np.float32),
        test=rng.random((2, 3), dtype=np.float32),
        map=DatasetMap(
            {tau: rng.random(6, dtype=np.float32) for tau in taus},
            {tau: rng.random(6, dtype=np.float32) for tau in taus},
            np.arange(6),
        ),
        weights={"conv.weight": rng.random((2, 2), dtype=np.float32)},
        views=rng.random((2, 6, 3), dtype=np.float32),
    )
