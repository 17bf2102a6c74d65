"""A strategy that selects on another encoder than the one that is classified on."""

from pathlib import Path
from typing import Any

import pytest

from rayal.sweep.definition import Trial, encoding_stages, group_by_embeddings
from rayal.sweep.errors import SweepError
from rayal.sweep.plan import Plan
from tests.sweep.small_sweeps import CYCLES, plan_of

NETWORK = {"name": "random", "backbone": "small_cnn"}
BORROWING = {"name": "kmeans", "select_on": NETWORK}


def planned(folder: Path, *strategies: object, **changes: Any) -> Plan:
    return plan_of(folder, strategies=list(strategies), seeds=1, budgets=[10], **changes)


def only(plan: Plan) -> Trial:
    [trial] = plan.trials
    return trial


def test_the_encoder_that_selects_is_part_of_the_id_where_it_is_another(tmp_path: Path) -> None:
    plain = only(planned(tmp_path, "kmeans"))
    assert only(planned(tmp_path, {"name": "kmeans", "select_on": "pixels"})).id == plain.id
    assert only(planned(tmp_path, {"name": "kmeans", "select_on": None})).id == plain.id
    seeds = [only(planned(tmp_path, {**BORROWING, "select_on": {**NETWORK, "seed": s}}))
             for s in (0, 1)]  # fmt: skip
    assert len({plain.id, *(trial.id for trial in seeds)}) == 3
    assert {trial.embedding_id for trial in seeds} == {plain.embedding_id}
    assert only(planned(tmp_path, BORROWING)).id == seeds[0].id


def test_an_embedding_is_made_once_whether_trials_select_or_classify_on_it(tmp_path: Path) -> None:
    plan = planned(tmp_path, "kmeans", BORROWING, encoders=["pixels", NETWORK])
    assert len(plan.trials) == 3  # on the network, both entries say the same
    on_pixels, crossed, on_network = plan.trials
    assert list(crossed.encodings) == [on_pixels.embedding_id, on_network.embedding_id]
    stages = encoding_stages(plan.trials)
    assert [len(stage.trials) for stage in stages.values()] == [2, 2]
    assert [stage.trial.encoder.name for stage in stages.values()] == ["pixels", "random"]
    assert [len(trials) for trials in group_by_embeddings(plan.trials).values()] == [1, 1, 1]
    assert plan.as_json("", {})["artefacts"].keys() == stages.keys()
    assert plan.definitions[crossed.id]["artefacts"] == list(crossed.encodings)
    assert "artefacts" not in plan.definitions[on_pixels.id]


def test_names_tell_the_encoders_apart_that_select(tmp_path: Path) -> None:
    larger = {**NETWORK, "seed": 1}
    plan = planned(tmp_path, "kmeans", BORROWING, {"name": "kmeans", "select_on": larger})
    assert [plan.names(trial)["strategy"].label for trial in plan.trials] == [
        "kmeans", "kmeans select_on=(random seed=0)", "kmeans select_on=(random seed=1)",
    ]  # fmt: skip
    alone = planned(tmp_path, "kmeans", BORROWING)
    assert [alone.names(t)["strategy"].label for t in alone.trials][1] == "kmeans select_on=random"
    stage = encoding_stages(alone.trials)[list(alone.trials[1].encodings)[1]]
    assert alone.names(stage.trial)["encoder"].label == "random"


def test_what_only_the_encoder_that_selects_gives_can_be_read(tmp_path: Path) -> None:
    moco = {"name": "moco", "queue": 64, "warmup_epochs": 0, "epochs": 1}
    trial = only(planned(tmp_path, {"name": "hacon", "select_on": moco}))
    assert trial.encoder.name == "pixels"
    with pytest.raises(SweepError, match="needs the dataset map, which encoder 'pixels' does not"):
        planned(tmp_path, {"name": "hacon", "select_on": "pixels"}, encoders=[moco])


@pytest.mark.parametrize(
    ("select_on", "message"),
    [
        ("pixel", "there is no encoder named 'pixel', did you mean 'pixels'"),
        ({**NETWORK, "seed": [0, 1]}, "'kmeans': select_on has 2 seeds of 'random', and a query"),
        ({**NETWORK, "seed": -1}, "encoder 'random': seed=-1 is no whole number"),
        ([NETWORK], r"'kmeans': select_on=.* is no encoder: give one by its name, or a mapping"),
        ({"backbone": "small_cnn"}, "is no encoder: give one by its name"),
        ({**NETWORK, "backbone": "vgg"}, "encoder 'random': backbone='vgg' is refused"),
        ({"name": "moco", "queue": 64, "epochs": 3}, "'moco' on digits: warmup_epochs=5 must be"),
    ],
)
def test_an_encoder_that_cannot_select_is_refused(
    tmp_path: Path, select_on: object, message: str
) -> None:
    with pytest.raises(SweepError, match=message):
        planned(tmp_path, {"name": "kmeans", "select_on": select_on})


def test_first_and_later_queries_may_select_on_different_encoders(tmp_path: Path) -> None:
    first = {"name": "kmeans", "select_on": {**NETWORK, "seed": 1}}
    later = {"name": "k_center", "select_on": NETWORK}
    cycles = {**CYCLES, "initial": [first]}
    trial = only(plan_of(tmp_path, **{**cycles, "strategies": [later], "seeds": 1}))
    own, *others = trial.encodings
    assert own == trial.embedding_id
    assert others == [trial.embedding_of_query(trial.initial),
                      trial.embedding_of_query(trial.strategy)]  # fmt: skip


def test_the_files_of_an_encoder_that_selects_are_part_of_the_id(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "features.npy"
    ids = set()
    for factor in (1.0, 2.0):
        np.save(path, np.full((1797, 3), factor, np.float32))
        given = {"name": "kmeans", "select_on": {"name": "features", "path": str(path)}}
        trial = only(planned(tmp_path, given))
        ids.add(trial.id)
        lent = trial.strategy.borrowed["select_on"]
        assert lent.files
        assert not trial.without_contents().strategy.borrowed["select_on"].files
    assert len(ids) == 2
