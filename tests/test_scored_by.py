"""A trial whose strategy reads the predictions of another learner than its own."""

from dataclasses import replace

import numpy as np
import pytest

from rayal.contracts import Embedding, TrialData
from rayal.registry import LEARNERS, STRATEGIES
from rayal.sweep.definition import Spec, Trial
from tests import small_trials
from tests.small_trials import run, spec, trial, without_seconds

SCHEDULE = (6, 12, 18, 24)
SELF_TRAINING = Spec(
    "linear",
    LEARNERS.find("linear").bind({"pseudo_labels": "ceal", "pseudo_threshold": 0.5, "epochs": 20}),
)
LINEAR = Spec("linear", LEARNERS.find("linear").bind({"epochs": 20}))


def scored_by(wanted: Trial, learner: Spec) -> Trial:
    """The same trial with both strategies scored by a learner, and another that is evaluated."""
    first, later = (replace(query, borrowed={"scored_by": learner})
                    for query in (wanted.initial, wanted.strategy))  # fmt: skip
    return replace(wanted, initial=first, strategy=later)


def query(name: str, **given: object) -> Spec:
    return Spec(name, STRATEGIES.find(name).bind(given))


@pytest.fixture(scope="module")
def data() -> TrialData:
    return small_trials.data()


@pytest.mark.parametrize("learner", [LINEAR, SELF_TRAINING], ids=["plain", "self-training"])
@pytest.mark.parametrize(
    "strategy",
    [query("entropy"), query("badge"), query("margin", class_balanced={"lambda": "auto"})],
    ids=["entropy", "badge", "lambda: auto"],
)
def test_it_chooses_as_the_learner_that_scores_and_is_measured_by_its_own(
    data: TrialData, learner: Spec, strategy: Spec
) -> None:
    of_linear = replace(trial("random", "entropy", SCHEDULE), learner=learner, strategy=strategy)
    evaluated = replace(scored_by(of_linear, learner), learner=spec("knn"))
    evaluated = replace(evaluated, initial=of_linear.initial)
    rows, there = run(evaluated, data), run(of_linear, data)
    assert [row["selected"] for row in rows] == [row["selected"] for row in there]
    assert [row["accuracy"] for row in rows] != [row["accuracy"] for row in there]
    by_itself = run(replace(of_linear, learner=spec("knn"), strategy=query("random")), data)
    assert rows[0]["accuracy"] == by_itself[0]["accuracy"]


@pytest.mark.parametrize("learner", [LINEAR, SELF_TRAINING], ids=["plain", "self-training"])
@pytest.mark.parametrize("finished", [1, 2, 3])
def test_an_interrupted_trial_goes_on_with_the_same_result(
    data: TrialData, learner: Spec, finished: int
) -> None:
    wanted = replace(trial("random", "entropy", SCHEDULE), learner=spec("knn"))
    wanted = replace(wanted, strategy=scored_by(wanted, learner).strategy)
    whole = run(wanted, data)
    again = run(wanted, data, rows=whole[:finished])
    assert without_seconds(again) == without_seconds(whole)


def test_a_first_query_scored_by_the_test_set_is_so_by_the_learner_that_scores(
    data: TrialData,
) -> None:
    of_linear = replace(trial("entropy", "entropy", (6,)), learner=LINEAR)
    of_linear = replace(of_linear, scorer="trained-on-test-set")
    evaluated = replace(scored_by(of_linear, LINEAR), learner=spec("knn"))
    assert run(evaluated, data)[0]["selected"] == run(of_linear, data)[0]["selected"]


def test_with_an_encoder_of_its_own_the_strategy_is_scored_on_that(data: TrialData) -> None:
    rng = np.random.default_rng(1)
    train, test = (rng.normal(size=(len(part), 4)).astype(np.float32)
                   for part in (data.embedding.train, data.embedding.test))  # fmt: skip
    other = replace(data, embedding=Embedding(train, test))
    plain = replace(trial("random", "badge", (6, 12, 18)), learner=LINEAR)
    borrowed = {"scored_by": LINEAR, "select_on": Spec("random", {})}
    crossed = replace(
        plain, learner=spec("knn"), strategy=replace(plain.strategy, borrowed=borrowed)
    )
    _, key = crossed.encodings
    rows = run(crossed, replace(data, others={key: other.embedding}))
    assert [r["selected"] for r in rows] == [r["selected"] for r in run(plain, other)]
