"""A trial's id and its embedding's change with whatever can change a result."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from rayal.sweep.definition import Spec, Trial
from tests.sweep.small_sweeps import plan_of

PLAIN = Trial(
    dataset=Spec("npz", {"path": "here.npz"}),
    dataset_name="cells",
    content="0123456789abcdef",
    encoder=Spec("moco", {"epochs": 10, "seed": 0}),
    initial=Spec("random", {"cover_classes": False}),
    strategy=Spec("margin", {"label_balanced": False}),
    learner=Spec("linear", {"lr": 0.01}),
    schedule=(10, 20),
    seed=0,
    scorer="",
)
# Field by field, what makes it another trial.
OTHER: dict[str, Any] = {
    "dataset_name": "tissue",
    "content": "fedcba9876543210",
    "encoder": Spec("moco", {"epochs": 10, "seed": 1}),
    "initial": Spec("random", {"cover_classes": True}),
    "strategy": Spec("entropy", {"label_balanced": False}),
    "learner": Spec("linear", {"lr": 0.02}),
    "schedule": (10, 30),
    "seed": 1,
    "scorer": "trained-on-test-set",
}
# Where the data lie and how they are read: what they are is said by their name and content.
# What is recorded besides changes no result.
OF_NO_EFFECT = {
    "dataset": Spec("npz", {"path": "there.npz"}),
    "record_losses": True,
    "record_embeddings": 500,
}
OF_THE_EMBEDDING = {"dataset_name", "content", "encoder"}


def test_every_field_of_a_trial_is_one_that_changes_its_id_or_one_that_does_not() -> None:
    fields = {field.name for field in dataclasses.fields(Trial)}
    assert fields == OTHER.keys() | OF_NO_EFFECT.keys()


@pytest.mark.parametrize("field", OTHER)
def test_a_field_that_changes_the_result_changes_the_id(field: str) -> None:
    other = dataclasses.replace(PLAIN, **{field: OTHER[field]})
    assert other.id != PLAIN.id
    assert (other.embedding_id != PLAIN.embedding_id) == (field in OF_THE_EMBEDDING)


def test_no_two_of_these_trials_share_an_id() -> None:
    """A field must not stand in for another, as an empty scorer for a missing one."""
    changed = [dataclasses.replace(PLAIN, **{field: value}) for field, value in OTHER.items()]
    assert len({trial.id for trial in (PLAIN, *changed)}) == len(OTHER) + 1


@pytest.mark.parametrize("field", OF_NO_EFFECT)
def test_where_the_data_lie_and_what_else_is_recorded_change_no_id(field: str) -> None:
    other = dataclasses.replace(PLAIN, **{field: OF_NO_EFFECT[field]})
    assert (other.id, other.embedding_id) == (PLAIN.id, PLAIN.embedding_id)


def test_ids_depend_on_what_determines_a_trial_and_on_nothing_else(tmp_path: Path) -> None:
    plain = {t.id for t in plan_of(tmp_path).trials}
    more = {t.id for t in plan_of(tmp_path, strategies=["k_center", "random", "kmeans"]).trials}
    assert plain < more
    written_out = [{"name": "random", "cover_classes": False}, "kmeans"]
    seeds = {"random": 3, "kmeans": 2}
    assert {t.id for t in plan_of(tmp_path, strategies=written_out, seeds=seeds).trials} == plain
    other_encoder = plan_of(tmp_path, encoders=[{"name": "pixels", "seed": 1}])
    assert not plain & {t.id for t in other_encoder.trials}


def test_a_parameter_that_was_added_later_counts_away_from_its_default(tmp_path: Path) -> None:
    """Trials of version 0.1 had no `collapse`; finished ones must not run again."""

    def trial(**more: object) -> Trial:
        given = [{"name": "typiclust", **more}]
        return plan_of(tmp_path, strategies=given, seeds=1).trials[0]

    of_0_1 = {"max_clusters": 500, "min_size": 5, "restarts": 1, "label_balanced": False}
    assert trial().definition()["strategy"] == {"name": "typiclust", "params": of_0_1}
    assert trial(collapse=None).id == trial().id
    assert trial(collapse=0.9).strategy.params["collapse"] == 0.9
    assert len({trial(collapse=cosine).id for cosine in (None, 0.9, 0.98)}) == 3


FILES, SOURCE = {"weights": "a" * 64}, "b" * 64


@pytest.mark.parametrize("kind", ["encoder", "initial", "strategy", "learner"])
def test_the_content_of_a_file_and_the_source_of_a_plugin_change_the_id(kind: str) -> None:
    spec: Spec = getattr(PLAIN, kind)
    ids = {PLAIN.id}
    for changes in ({"files": FILES}, {"source": SOURCE}, {"files": {"weights": "c" * 64}}):
        other = dataclasses.replace(PLAIN, **{kind: dataclasses.replace(spec, **changes)})
        ids.add(other.id)
        assert (other.embedding_id != PLAIN.embedding_id) == (kind == "encoder")
        assert other.without_contents() == PLAIN
    assert len(ids) == 4


def test_where_a_file_lies_changes_no_id() -> None:
    here, there = (
        Spec("checkpoint", {"weights": path, "seed": 0}, FILES) for path in ("a.pt", "b/c.pt")
    )
    assert dataclasses.replace(PLAIN, encoder=here).id == dataclasses.replace(
        PLAIN, encoder=there
    ).id  # fmt: skip
    assert here.as_json()["params"]["weights"] == "a.pt"
