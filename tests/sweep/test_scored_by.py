"""A strategy that is scored by another learner than the one that is evaluated."""

from pathlib import Path
from typing import Any

import pytest

from rayal.sweep.definition import Trial
from rayal.sweep.errors import SweepError
from rayal.sweep.plan import Plan
from tests.sweep.small_sweeps import CYCLES, plan_of

SLOWER = {"name": "linear", "lr": 0.001}


def planned(folder: Path, query: object, **changes: Any) -> Plan:
    return plan_of(folder, **{**CYCLES, "strategies": [query], "seeds": 1, **changes})


def only(plan: Plan) -> Trial:
    [trial] = plan.trials
    return trial


def test_the_learner_that_scores_is_part_of_the_id_where_it_is_another(tmp_path: Path) -> None:
    plain = only(planned(tmp_path, "entropy"))
    own = only(planned(tmp_path, {"name": "entropy", "scored_by": "linear"}))
    other = only(planned(tmp_path, {"name": "entropy", "scored_by": SLOWER}))
    assert own.id == plain.id
    assert other.id != plain.id
    assert other.learner == plain.learner
    assert other.embedding_id == plain.embedding_id


def test_names_tell_learners_apart_whether_they_score_or_are_evaluated(tmp_path: Path) -> None:
    plan = planned(tmp_path, {"name": "entropy", "scored_by": SLOWER}, learners=["linear", "knn"])
    labels = [(plan.names(t)["strategy"].label, plan.names(t)["learner"].label)
              for t in plan.trials]  # fmt: skip
    scored = "entropy scored_by=(linear lr=0.001)"
    assert labels == [(scored, "linear lr=0.01"), (scored, "knn")]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"name": "kmeans", "scored_by": "linear"}, "'kmeans' reads nothing of a learner, and"),
        ({"name": "vaal", "scored_by": "linear"}, "'vaal' reads nothing of a learner, and"),
        ({"name": "entropy", "scored_by": "liner"}, "no learner named 'liner', did you mean"),
        ({"name": "entropy", "scored_by": 3}, "'entropy': scored_by=3 is no learner: give one by"),
        ({"name": "entropy", "scored_by": {**SLOWER, "lr": -1}}, "learner 'linear': lr=-1"),
        ({"name": "entropy", "scored_by": "finetune"}, "'finetune' needs weights, which encoder"),
        ({"name": "bald", "scored_by": "knn"}, "needs dropout, which learner 'knn' does not give"),
        (
            {"name": "entropy", "scored_by": {"name": "scratch", "early_stopping": 5}},
            "learner 'scratch' watches the loss on a validation set",
        ),
    ],
)
def test_a_learner_that_cannot_score_is_refused(
    tmp_path: Path, query: object, message: str
) -> None:
    with pytest.raises(SweepError, match=message):
        planned(tmp_path, query)


def test_what_the_evaluated_learner_lacks_the_one_that_scores_may_give(tmp_path: Path) -> None:
    dropout = {"name": "linear", "dropout": 0.5}
    trial = only(planned(tmp_path, {"name": "bald", "scored_by": dropout}, learners=["knn"]))
    assert trial.learner.name == "knn"


def test_a_first_query_has_none_to_be_scored_by_before_the_first_label(tmp_path: Path) -> None:
    query = {"name": "entropy", "scored_by": SLOWER}
    with pytest.raises(SweepError, match="before the first label there are none"):
        plan_of(tmp_path, strategies=[query], budgets=[10])
    scored = plan_of(tmp_path, strategies=[query], scorer="trained-on-test-set", seeds=1)
    assert {trial.scorer for trial in scored.trials} == {"trained-on-test-set"}
