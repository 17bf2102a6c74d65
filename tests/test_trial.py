import functools
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rayal.contracts import UNLABELED, DatasetMap, Pool, Task, TrialData
from rayal.registry import LEARNERS, STRATEGIES, Registry
from rayal.seeds import generator
from rayal.sweep.definition import Spec, Trial
from tests import small_trials
from tests.small_trials import run, trial, with_views, without_seconds


@pytest.fixture(scope="module")
def data() -> TrialData:
    return small_trials.data()


def test_a_round_adds_its_budget_to_what_is_labelled(data: TrialData) -> None:
    rows = run(trial("random", "entropy", (10, 15, 25)), data)
    assert [(r["round"], r["budget"], r["labelled"]) for r in rows] == [
        (0, 10, 10),
        (1, 5, 15),
        (2, 10, 25),
    ]
    selected = np.concatenate([r["selected"] for r in rows])
    assert len(np.unique(selected)) == 25
    assert [sum(r["class_counts"]) for r in rows] == [10, 15, 25]


@pytest.mark.parametrize("finished", [0, 1, 2, 3])
def test_a_trial_goes_on_from_any_round_with_the_same_result(
    data: TrialData, finished: int
) -> None:
    wanted = trial("random", "margin", (6, 12, 20, 30))
    whole = run(wanted, data)
    resumed = run(wanted, data, rows=whole[:finished])
    assert without_seconds(resumed) == without_seconds(whole)


def test_rounds_are_kept_as_they_end_except_the_last(data: TrialData) -> None:
    kept: list[int] = []
    run(trial("random", "entropy", (5, 10, 15)), data, keep=lambda rows: kept.append(len(rows)))
    assert kept == [1, 2]


def test_a_longer_schedule_begins_as_the_single_query(data: TrialData) -> None:
    alone = run(trial("random", "random", (10,)), data)
    cycles = run(trial("random", "entropy", (10, 20)), data)
    assert without_seconds(alone)[0] == without_seconds(cycles)[0]


def test_the_whole_pool_can_be_labelled(data: TrialData) -> None:
    rows = run(trial("random", "k_center", (10, 60)), data)
    assert sorted(i for row in rows for i in row["selected"]) == list(range(60))
    assert rows[-1]["pool_error"] is None or np.isnan(rows[-1]["pool_error"])


def watch(
    monkeypatch: pytest.MonkeyPatch,
    registry: Registry[Any],
    name: str,
    see: Callable[[Any, np.random.Generator], object],
) -> None:
    """Have what a component is given, a pool or a task and its generator, be seen before it."""
    component = registry.find(name)

    @functools.wraps(component.function)
    def watched(given: Pool | Task, *rest: Any, **params: Any) -> Any:
        see(given, next(arg for arg in rest if isinstance(arg, np.random.Generator)))
        return component.function(given, *rest, **params)

    alone = {"fit_batched": None} if registry is LEARNERS else {}
    changed = replace(component, function=watched, traits=replace(component.traits, **alone))
    monkeypatch.setitem(registry._components, name, changed)


@pytest.mark.parametrize(
    ("registry", "name"), [(STRATEGIES, "random"), (STRATEGIES, "margin"), (LEARNERS, "linear")],
    ids=["first query", "later queries", "learner"],
)  # fmt: skip
def test_labels_that_a_component_is_given_cannot_be_written_and_never_change(
    data: TrialData, monkeypatch: pytest.MonkeyPatch, registry: Registry[Any], name: str
) -> None:
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    watch(monkeypatch, registry, name, lambda given, _: seen.append(
        (given.labels, given.labels.copy())
    ))  # fmt: skip
    run(trial("random", "margin", (6, 12, 20)), data)
    assert seen
    for labels, as_they_were in seen:
        assert not labels.flags.writeable
        assert np.array_equal(labels, as_they_were)
        assert not np.shares_memory(labels, data.dataset.train.labels)


def test_a_query_draws_by_dataset_seed_and_round_whatever_the_strategy(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[float] = []
    for name in ("random", "k_center", "margin"):
        watch(monkeypatch, STRATEGIES, name, lambda _, rng: drawn.append(deepcopy(rng).random()))

    def draws(wanted: Trial) -> list[float]:
        drawn.clear()
        run(wanted, data)
        return drawn.copy()

    plain = draws(trial("random", "margin", (6, 12, 20)))
    assert plain == [generator("query", "data", 0, number).random() for number in range(3)]
    assert len(set(plain)) == 3
    assert draws(trial("random", "k_center", (6, 12, 20))) == plain
    assert not set(draws(trial("random", "margin", (6, 12, 20), seed=1))) & set(plain)
    other_data = replace(trial("random", "margin", (6, 12, 20)), dataset_name="other")
    assert not set(draws(other_data)) & set(plain)


def with_learner(wanted: Trial, **params: object) -> Trial:
    return replace(wanted, learner=Spec("linear", LEARNERS.find("linear").bind(params)))


def with_strategy(wanted: Trial, name: str, **params: object) -> Trial:
    return replace(wanted, strategy=Spec(name, STRATEGIES.find(name).bind(params)))


@pytest.mark.parametrize("finished", [0, 1, 2, 3])
def test_a_learner_that_recalls_its_earlier_rounds_goes_on_with_the_same_result(
    data: TrialData, finished: int
) -> None:
    wanted = with_learner(
        trial("random", "ceal", (6, 9, 12, 15)), pseudo_labels="ceal", pseudo_threshold=0.3
    )
    whole = run(wanted, data)
    plain = run(trial("random", "ceal", (6, 9, 12, 15)), data)
    assert without_seconds(whole) != without_seconds(plain)
    resumed = run(wanted, data, rows=whole[:finished])
    assert without_seconds(resumed) == without_seconds(whole)


@pytest.mark.parametrize("rule", ["ceal", "nearest_center"])
def test_every_round_counts_the_pseudo_labels_and_those_that_are_right(
    data: TrialData, rule: str
) -> None:
    wanted = with_learner(
        trial("random", "msal", (6, 9, 12)), prototypes=True, pseudo_labels=rule,
        pseudo_threshold=0.3,
    )  # fmt: skip
    rows = run(wanted, data)
    counts = [(row["pseudo_labels"], row["pseudo_labels_right"]) for row in rows]
    assert counts[0] == (0, 0)
    for (found, right), row in zip(counts[1:], rows[1:], strict=True):
        assert 0 <= right <= found <= len(data.dataset.train.labels) - row["labelled"]
    assert max(found for found, _ in counts) > 0
    assert "pseudo_labels" not in run(trial("random", "margin", (6, 9)), data)[0]


@pytest.mark.parametrize("scorer", ["", "trained-on-test-set"])
def test_losses_of_queries_that_a_learner_scored_are_recorded_on_request_and_change_nothing_else(
    data: TrialData, scorer: str
) -> None:
    first = "entropy" if scorer else "random"
    plain = replace(trial(first, "entropy", (6, 12, 20)), scorer=scorer)
    rows = run(replace(plain, record_losses=True), data)
    assert ["query_entropy" in row for row in rows] == [bool(scorer), True, True]
    for row in rows[0 if scorer else 1 :]:
        assert 0 < row.pop("query_entropy") <= row["budget"] * np.log(3)
        assert 0 <= row.pop("query_l1_loss") <= 2 * row["budget"]
    assert without_seconds(rows) == without_seconds(run(plain, data))


@pytest.mark.parametrize("finished", [0, 1, 2, 3])
def test_a_rule_tuned_at_the_first_query_is_tuned_alike_after_an_interruption(
    data: TrialData, finished: int
) -> None:
    wanted = with_strategy(
        trial("random", "entropy", (6, 12, 20, 30)), "entropy", class_balanced={"lambda": "auto"}
    )
    whole = run(wanted, data)
    resumed = run(wanted, data, rows=whole[:finished])
    assert without_seconds(resumed) == without_seconds(whole)


def test_strategies_are_shown_the_pool_as_it_was_at_their_first_query(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = trial("random", "entropy", (6, 12, 20, 30))
    seen: list[tuple[int, int | None]] = []
    component = STRATEGIES.find("entropy")

    def watched(pool: Pool, *args: object, **params: object) -> object:
        first = None if pool.first_predicted is None else pool.first_predicted()
        if first is not None:
            assert (first.true_labels, first.score_batches) == (None, None)
        seen.append((len(pool.labeled), None if first is None else len(first.labeled)))
        return component.function(pool, *args, **params)

    watched.__name__ = "entropy"
    monkeypatch.setitem(STRATEGIES._components, "entropy", replace(component, function=watched))
    run(wanted, data)
    assert seen == [(6, None), (12, 6), (20, 6)]


def test_a_strategy_may_ask_for_predictions_of_labels_that_were_not_trained_on(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the round's own learner, on the other labels; the first query has none."""
    wanted = trial("random", "entropy", (12, 20))
    seen: list[np.ndarray | None] = []
    component = STRATEGIES.find("entropy")

    def watched(pool: Pool, *args: object, **params: object) -> object:
        if pool.predict_without is None:
            seen.append(None)
            return component.function(pool, *args, **params)
        held_out = pool.labeled[:2]
        probs = pool.predict_without(held_out)
        others = pool.labels.copy()
        others[held_out] = UNLABELED
        rng = generator("held out", "data", 0, 0)
        expected = LEARNERS.find("linear").function(data.task(others, 0), rng)
        assert np.array_equal(probs, expected.pool[held_out])
        assert not np.array_equal(probs, pool.probs[held_out])
        seen.append(probs)
        return component.function(pool, *args, **params)

    watched.__name__ = "entropy"
    monkeypatch.setitem(STRATEGIES._components, "entropy", replace(component, function=watched))
    run(wanted, data)
    assert len(seen) == 1
    assert seen[0] is not None


@pytest.mark.parametrize("finished", [1, 2])
def test_a_calibration_is_the_same_after_an_interruption(data: TrialData, finished: int) -> None:
    wanted = with_strategy(
        trial("random", "uherding", (6, 12, 20)), "uherding", temperature="calibrated"
    )
    whole = run(wanted, data)
    resumed = run(wanted, data, rows=whole[:finished])
    assert without_seconds(resumed) == without_seconds(whole)


@pytest.mark.parametrize(
    ("strategy", "learner"),
    [("bald", {"dropout": 0.3}), ("msal_d", {"prototypes": True}), ("badge", {}), ("dbal", {})],
)
def test_strategies_get_what_the_learner_gives(
    data: TrialData, strategy: str, learner: dict[str, object]
) -> None:
    rows = run(with_learner(trial("random", strategy, (6, 12, 20)), **learner), data)
    assert [row["labelled"] for row in rows] == [6, 12, 20]


def test_consistency_reads_the_encoders_views(data: TrialData) -> None:
    features = data.embedding.train
    views = np.stack([features + 0.1, features - 0.1])
    rows = run(trial("random", "consistency", (6, 12)), with_views(data, views))
    assert len(rows) == 2


@pytest.mark.parametrize("name", ["entropy", "margin", "badge", "consistency"])
def test_a_first_query_may_be_scored_by_a_model_that_saw_the_test_set(
    data: TrialData, name: str
) -> None:
    data = with_views(data, np.stack([data.embedding.train]))
    rows = run(replace(trial(name, name, (9,)), scorer="trained-on-test-set"), data)
    assert len(set(rows[0]["selected"])) == 9
    again = run(replace(trial(name, name, (9,)), scorer="trained-on-test-set"), data)
    assert without_seconds(rows) == without_seconds(again)


def test_the_scorer_knows_the_test_sets_labels_and_the_pools_not(data: TrialData) -> None:
    scored = replace(trial("entropy", "entropy", (10,)), scorer="trained-on-test-set")
    chosen = run(scored, data)[0]["selected"]
    train, test = data.dataset.train, data.dataset.test
    other_labels = replace(data.dataset, train=replace(train, labels=np.roll(train.labels, 1)))
    assert run(scored, replace(data, dataset=other_labels))[0]["selected"] == chosen
    embedding = data.embedding
    task = Task(
        np.concatenate([embedding.test, embedding.train]),
        embedding.test,
        np.concatenate([test.labels, np.full(60, UNLABELED)]),
        3,
    )
    learner = LEARNERS.find("linear")
    probs = learner.function(task, generator("scorer", "data", 0, 0), **learner.bind({})).pool[30:]
    entropy = -np.sum(probs * np.log(probs), axis=1)
    assert set(chosen) == set(np.argsort(-entropy)[:10])


def test_a_scored_query_is_shown_nothing_of_the_pool_alone(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test set comes before the pool: a map or an initial pool would be of other images."""
    values = {0.05: np.linspace(0, 1, 60, dtype=np.float32)}
    dataset, embedding = data.dataset, data.embedding
    test = replace(dataset.test, images=np.ones((30, 2, 2, 1), np.uint8))
    data = TrialData(
        replace(dataset, test=test, initial_pool=np.arange(10)),
        replace(embedding, map=DatasetMap(values, values, np.ones(60, np.int64))),
    )
    seen: list[Pool] = []
    watch(monkeypatch, STRATEGIES, "margin", lambda pool, _: seen.append(pool))
    run(replace(trial("margin", "margin", (9,)), scorer="trained-on-test-set"), data)
    [pool] = seen
    assert (pool.map, pool.initial_pool, pool.first_predicted) == (None, None, None)
    assert pool.images is not None
    assert len(pool.features) == len(pool.labels) == len(pool.images) == len(pool.probs) == 90
    assert np.array_equal(pool.labeled, np.arange(30))
    assert pool.images[:30].all()
    assert not pool.images[30:].any()


def test_what_a_strategy_warns_of_is_kept_in_its_row_once(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warn(*_: object) -> None:
        for text in ("a", "b", "a"):
            warnings.warn(text, stacklevel=1)
        warnings.warn("of a library", FutureWarning, stacklevel=1)

    watch(monkeypatch, STRATEGIES, "margin", warn)
    with pytest.warns(FutureWarning, match="of a library"):
        rows = run(trial("random", "margin", (10, 15)), data)
    assert "warnings" not in rows[0]
    assert rows[1]["warnings"] == ["a", "b"]


def test_of_many_or_long_warnings_a_row_keeps_the_first_without_secrets(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warn(*_: object) -> None:
        warnings.warn("s3://me:secret@host " + "w" * 10**6, stacklevel=1)
        for number in range(100):
            warnings.warn(f"image {number}", stacklevel=1)

    watch(monkeypatch, STRATEGIES, "margin", warn)
    kept = run(trial("random", "margin", (10, 15)), data)[1]["warnings"]
    assert kept[0].startswith("s3://***@host www")
    assert kept[0].endswith(" more characters)")
    assert kept[1:3] == ["image 0", "image 1"]
    assert kept[-1] == "... (81 more warnings)"
    assert len(kept) == 21
    assert max(map(len, kept)) < 2_100


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (np.ones((60, 4), np.float32), "features are the same in all 60 rows"),
        (
            1e7 + np.arange(240, dtype=np.float32).reshape(60, 4) % 61,
            "all 60 rows of features differ by less than 1e-05 of their length",
        ),
        (
            np.repeat(np.eye(4, dtype=np.float32)[:2], 30, 0),
            "tell 2 of 60 images apart, fewer than",
        ),
    ],
)
def test_a_choice_by_features_that_tell_too_few_images_apart_is_warned_of_in_its_row(
    data: TrialData, features: np.ndarray, said: str
) -> None:
    data = TrialData(data.dataset, replace(data.embedding, train=features))
    rows = run(trial("random", "k_center", (10, 15)), data)
    assert "warnings" not in rows[0]
    [warned] = rows[1]["warnings"]
    assert said in warned


@pytest.mark.parametrize("encoder", ["pixels", "features"])
def test_strategies_see_whether_features_are_bare_pixels(
    data: TrialData, monkeypatch: pytest.MonkeyPatch, encoder: str
) -> None:
    seen: list[bool] = []
    for name in ("random", "margin"):
        watch(monkeypatch, STRATEGIES, name, lambda given, _: seen.append(given.bare_pixels))
    run(replace(trial("random", "margin", (6, 12, 20)), encoder=Spec(encoder, {})), data)
    assert seen == [encoder == "pixels"] * 3


def test_a_strategy_that_selects_on_another_encoder_sees_what_that_ones_features_are(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    watch(monkeypatch, STRATEGIES, "margin", lambda given, _: seen.append(given.bare_pixels))
    wanted = trial("random", "margin", (6, 12))
    on_pixels = replace(wanted.strategy, borrowed={"select_on": Spec("pixels", {})})
    run(replace(wanted, strategy=on_pixels), data)
    assert seen == [True]
