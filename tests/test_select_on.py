"""A trial whose strategy reads other features than its learner."""

from dataclasses import replace

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Embedding, TrialData
from rayal.metrics import macro_auc
from rayal.registry import LEARNERS, STRATEGIES
from rayal.seeds import generator
from rayal.sweep.definition import Spec, Trial
from rayal.trial import Row
from tests import small_trials
from tests.small_trials import run, spec, trial

OTHER = Spec("random", {})


def on_the_other(query: Spec) -> Spec:
    return replace(query, borrowed={"select_on": OTHER})


def borrowing(wanted: Trial) -> Trial:
    """The same trial, both of its strategies selecting on the other encoder."""
    first, later = on_the_other(wanted.initial), on_the_other(wanted.strategy)
    return replace(wanted, initial=first, strategy=later)


@pytest.fixture(scope="module")
def own() -> TrialData:
    return small_trials.data()


@pytest.fixture(scope="module")
def other(own: TrialData) -> TrialData:
    """The same images by another encoder: features without a trace of the classes."""
    rng = np.random.default_rng(1)
    train, test = (rng.normal(size=(len(part), 4)).astype(np.float32)
                   for part in (own.embedding.train, own.embedding.test))  # fmt: skip
    return replace(own, embedding=Embedding(train, test))


def joined(wanted: Trial, own: TrialData, other: TrialData) -> TrialData:
    _, key = wanted.encodings
    return replace(own, others={key: other.embedding})


def test_it_chooses_as_on_the_other_encoder_and_is_measured_on_its_own(
    own: TrialData, other: TrialData
) -> None:
    plain = trial("kmeans", "k_center", (6, 12, 18))
    crossed = borrowing(plain)
    rows = run(crossed, joined(crossed, own, other))
    there, here = run(plain, other), run(plain, own)
    assert [row["selected"] for row in rows] == [row["selected"] for row in there]
    assert [row["selected"] for row in rows] != [row["selected"] for row in here]
    for number in range(3):
        assert rows[number]["auc"] == auc_of(own, rows[: number + 1], plain)
        assert there[number]["auc"] == auc_of(other, rows[: number + 1], plain)


def auc_of(data: TrialData, rows: list[Row], wanted: Trial) -> float:
    """The AUC of the trial's learner on an embedding, after some rounds' labels."""
    truth = data.dataset.train.labels
    labels = np.full(len(truth), UNLABELED)
    for row in rows:
        labels[row["selected"]] = truth[row["selected"]]
    train = LEARNERS.find(wanted.learner.name).function
    rng = generator("learn", wanted.dataset_name, wanted.seed, len(rows) - 1)
    predicted = train(data.task(labels, len(rows) - 1), rng, **wanted.learner.to_kwargs())
    return macro_auc(predicted.test, data.dataset.test.labels)[0]


def test_predictions_stay_those_of_the_trial_s_own_encoder(
    own: TrialData, other: TrialData
) -> None:
    plain = trial("random", "entropy", (6, 12, 18))
    crossed = borrowing(plain)
    rows = run(crossed, joined(crossed, own, other))
    assert [r["selected"] for r in rows] == [r["selected"] for r in run(plain, own)]


def test_a_query_scored_by_the_test_set_reads_the_other_features_too(
    own: TrialData, other: TrialData
) -> None:
    plain = replace(trial("k_center", "k_center", (6,)), scorer="trained-on-test-set")
    crossed = borrowing(plain)
    [row] = run(crossed, joined(crossed, own, other))
    [there] = run(plain, other)
    assert row["selected"] == there["selected"]


def test_first_and_later_queries_read_each_its_own(own: TrialData, other: TrialData) -> None:
    plain = trial("kmeans", "k_center", (6, 12))
    crossed = replace(plain, initial=on_the_other(spec("kmeans")))
    first, later = run(crossed, joined(crossed, own, other))
    assert first["selected"] == run(plain, other)[0]["selected"]
    features = own.embedding.train
    covered = features[first["selected"]]
    farthest = np.linalg.norm(features[:, None] - covered, axis=2).min(axis=1).argmax()
    assert later["selected"][0] == farthest


@pytest.mark.parametrize(
    ("later", "params"), [("entropy", {}), ("random", {}), ("kmeans", {"space": "hidden"})]
)
def test_a_strategy_that_reads_nothing_of_the_other_encoder_says_so(
    later: str, params: dict[str, object], own: TrialData, other: TrialData
) -> None:
    strategy = Spec(later, STRATEGIES.find(later).bind(params))
    plain = replace(trial("kmeans", "kmeans", (6, 12)), strategy=strategy)
    crossed = borrowing(plain)
    first, second = run(crossed, joined(crossed, own, other))
    [told] = second["warnings"]
    assert told.startswith(f"strategy '{later}' reads no features of an encoder, so that select_on")
    assert "warnings" not in first
    scored = {**crossed.strategy.borrowed, "scored_by": plain.learner}
    lent = replace(crossed, strategy=replace(crossed.strategy, borrowed=scored))
    assert "warnings" not in run(lent, joined(crossed, own, other))[1]
