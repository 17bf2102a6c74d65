import functools
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rayal import trial as trials
from rayal.contracts import UNLABELED, DatasetMap, Pool, Predictions, Task
from rayal.registry import LEARNERS, STRATEGIES, Registry
from rayal.seeds import generator
from rayal.sweep.definition import Spec, Trial
from rayal.trial import World, check_choice


@pytest.fixture(scope="module")
def world() -> World:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=90)
    features = (rng.normal(size=(90, 4)) + 3 * labels[:, None]).astype(np.float32)
    features.flags.writeable = False
    return World(
        classes=("a", "b", "c"),
        images=np.zeros((60, 2, 2, 1), dtype=np.uint8),
        train=features[:60],
        test=features[60:],
        train_labels=labels[:60],
        test_labels=labels[60:],
        map=None,
    )


def spec(name: str) -> Spec:
    registry = LEARNERS if name in LEARNERS.names() else STRATEGIES
    return Spec(name, registry.find(name).bind({}))


def trial(initial: str, query: str, schedule: tuple[int, ...], seed: int = 0) -> Trial:
    nothing = Spec("none", {})
    return Trial(
        nothing, "data", "hash", nothing, spec(initial), spec(query), spec("linear"), schedule, seed
    )


def without_seconds(rows: list[trials.Row]) -> list[trials.Row]:
    return [{k: v for k, v in row.items() if not k.endswith("_seconds")} for row in rows]


def test_a_round_adds_its_budget_to_what_is_labelled(world: World) -> None:
    rows = trials.run(trial("random", "entropy", (10, 15, 25)), world)
    assert [(r["round"], r["budget"], r["labelled"]) for r in rows] == [
        (0, 10, 10),
        (1, 5, 15),
        (2, 10, 25),
    ]
    selected = np.concatenate([r["selected"] for r in rows])
    assert len(np.unique(selected)) == 25
    assert [sum(r["class_counts"]) for r in rows] == [10, 15, 25]


@pytest.mark.parametrize("finished", [0, 1, 2, 3])
def test_a_trial_goes_on_from_any_round_with_the_same_result(world: World, finished: int) -> None:
    wanted = trial("random", "margin", (6, 12, 20, 30))
    whole = trials.run(wanted, world)
    resumed = trials.run(wanted, world, rows=whole[:finished])
    assert without_seconds(resumed) == without_seconds(whole)


def test_rounds_are_kept_as_they_end_except_the_last(world: World) -> None:
    kept: list[int] = []
    trials.run(
        trial("random", "entropy", (5, 10, 15)), world, keep=lambda rows: kept.append(len(rows))
    )
    assert kept == [1, 2]


def test_a_longer_schedule_begins_as_the_single_query(world: World) -> None:
    alone = trials.run(trial("random", "random", (10,)), world)
    cycles = trials.run(trial("random", "entropy", (10, 20)), world)
    assert without_seconds(alone)[0] == without_seconds(cycles)[0]


def test_the_whole_pool_can_be_labelled(world: World) -> None:
    rows = trials.run(trial("random", "k_center", (10, 60)), world)
    assert sorted(i for row in rows for i in row["selected"]) == list(range(60))
    assert rows[-1]["pool_error"] is None or np.isnan(rows[-1]["pool_error"])


LABELS = np.array([UNLABELED, 1, UNLABELED, UNLABELED])


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (np.array([0.0, 2.0]), "array of float64 with shape"),
        (np.array([[0, 2]]), r"shape \(1, 2\), not int64 \(2,\)"),
        (np.array([0]), "1 images, not the 2 asked for"),
        (np.array([0, 9]), "positions from 0 to 9, outside 0 to 3"),
        (np.array([0, 4]), "positions from 0 to 4, outside 0 to 3"),
        (np.array([-1, 0]), "positions from -1 to 0"),
        (np.array([0, 0]), "the same image more than once"),
        (np.array([0, 1]), "1 images that have a label already"),
    ],
)
def test_a_choice_that_breaks_the_contract_is_named(chosen: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"strategy 'mine' returned .*{message}"):
        check_choice("mine", chosen, LABELS, 2)


def watch(
    monkeypatch: pytest.MonkeyPatch,
    registry: Registry,
    name: str,
    see: Callable[[Any, np.random.Generator], object],
) -> None:
    """Have what a component is given, a pool or a task and its generator, be seen before it."""
    component = registry.find(name)

    @functools.wraps(component.function)
    def watched(given: Pool | Task, *rest: Any, **params: Any) -> Any:
        see(given, next(arg for arg in rest if isinstance(arg, np.random.Generator)))
        return component.function(given, *rest, **params)

    changed = replace(component, function=watched, facts=replace(component.facts, many=None))
    monkeypatch.setitem(registry._components, name, changed)


@pytest.mark.parametrize(
    ("registry", "name"), [(STRATEGIES, "random"), (STRATEGIES, "margin"), (LEARNERS, "linear")],
    ids=["first query", "later queries", "learner"],
)  # fmt: skip
def test_labels_that_a_component_is_given_cannot_be_written_and_never_change(
    world: World, monkeypatch: pytest.MonkeyPatch, registry: Registry, name: str
) -> None:
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    watch(monkeypatch, registry, name, lambda given, _: seen.append(
        (given.labels, given.labels.copy())
    ))  # fmt: skip
    trials.run(trial("random", "margin", (6, 12, 20)), world)
    assert seen
    for labels, as_they_were in seen:
        assert not labels.flags.writeable
        assert np.array_equal(labels, as_they_were)
        assert not np.shares_memory(labels, world.train_labels)


def test_a_query_draws_by_dataset_seed_and_round_whatever_the_strategy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[float] = []
    for name in ("random", "k_center", "margin"):
        watch(monkeypatch, STRATEGIES, name, lambda _, rng: drawn.append(deepcopy(rng).random()))

    def draws(wanted: Trial) -> list[float]:
        drawn.clear()
        trials.run(wanted, world)
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
    world: World, finished: int
) -> None:
    wanted = with_learner(
        trial("random", "ceal", (6, 9, 12, 15)), pseudo_labels="ceal", pseudo_threshold=0.3
    )
    whole = trials.run(wanted, world)
    plain = trials.run(trial("random", "ceal", (6, 9, 12, 15)), world)
    assert without_seconds(whole) != without_seconds(plain)
    resumed = trials.run(wanted, world, rows=whole[:finished])
    assert without_seconds(resumed) == without_seconds(whole)


@pytest.mark.parametrize("finished", [0, 1, 2, 3])
def test_a_rule_tuned_at_the_first_query_is_tuned_alike_after_an_interruption(
    world: World, finished: int
) -> None:
    wanted = with_strategy(
        trial("random", "entropy", (6, 12, 20, 30)), "entropy", class_balanced={"lambda": "auto"}
    )
    whole = trials.run(wanted, world)
    resumed = trials.run(wanted, world, rows=whole[:finished])
    assert without_seconds(resumed) == without_seconds(whole)


def test_strategies_are_shown_the_pool_as_it_was_at_their_first_query(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = trial("random", "entropy", (6, 12, 20, 30))
    seen: list[tuple[int, int | None]] = []
    component = STRATEGIES.find("entropy")

    def watched(pool: Pool, *args: object, **params: object) -> object:
        first = None if pool.first is None else len(pool.first().labelled)
        seen.append((len(pool.labelled), first))
        return component.function(pool, *args, **params)

    watched.__name__ = "entropy"
    monkeypatch.setitem(STRATEGIES._components, "entropy", replace(component, function=watched))
    trials.run(wanted, world)
    assert seen == [(6, None), (12, 6), (20, 6)]


@pytest.mark.parametrize(
    ("strategy", "learner"),
    [("bald", {"dropout": 0.3}), ("msal_d", {"prototypes": True}), ("badge", {}), ("dbal", {})],
)
def test_strategies_get_what_the_learner_gives(
    world: World, strategy: str, learner: dict[str, object]
) -> None:
    rows = trials.run(with_learner(trial("random", strategy, (6, 12, 20)), **learner), world)
    assert [row["labelled"] for row in rows] == [6, 12, 20]


def test_consistency_reads_the_encoders_views(world: World) -> None:
    views = np.stack([world.train + 0.1, world.train - 0.1])
    rows = trials.run(trial("random", "consistency", (6, 12)), replace(world, views=views))
    assert len(rows) == 2


@pytest.mark.parametrize("name", ["entropy", "margin", "badge", "consistency"])
def test_a_first_query_may_be_scored_by_a_model_that_saw_the_test_set(
    world: World, name: str
) -> None:
    world = replace(world, views=np.stack([world.train]))
    rows = trials.run(replace(trial(name, name, (9,)), scorer="trained-on-test-set"), world)
    assert len(set(rows[0]["selected"])) == 9
    again = trials.run(replace(trial(name, name, (9,)), scorer="trained-on-test-set"), world)
    assert without_seconds(rows) == without_seconds(again)


def test_the_scorer_knows_the_test_sets_labels_and_the_pools_not(world: World) -> None:
    scored = replace(trial("entropy", "entropy", (10,)), scorer="trained-on-test-set")
    chosen = trials.run(scored, world)[0]["selected"]
    other_truth = replace(world, train_labels=np.roll(world.train_labels, 1))
    assert trials.run(scored, other_truth)[0]["selected"] == chosen
    task = Task(
        np.concatenate([world.test, world.train]),
        world.test,
        np.concatenate([world.test_labels, np.full(60, UNLABELED)]),
        3,
    )
    learner = LEARNERS.find("linear")
    probs = learner.function(task, generator("scorer", "data", 0, 0), **learner.bind({})).pool[30:]
    entropy = -np.sum(probs * np.log(probs), axis=1)
    assert set(chosen) == set(np.argsort(-entropy)[:10])


def test_a_scored_query_is_shown_nothing_of_the_pool_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test set comes before the pool: a map or reserved positions would be of other images."""
    values = {0.05: np.linspace(0, 1, 60, dtype=np.float32)}
    world = replace(
        world,
        map=DatasetMap(values, values, np.ones(60, np.int64)),
        reserved=np.arange(10),
        test_images=np.ones((30, 2, 2, 1), np.uint8),
    )
    seen: list[Pool] = []
    watch(monkeypatch, STRATEGIES, "margin", lambda pool, _: seen.append(pool))
    trials.run(replace(trial("margin", "margin", (9,)), scorer="trained-on-test-set"), world)
    [pool] = seen
    assert (pool.map, pool.reserved, pool.first) == (None, None, None)
    assert pool.images is not None
    assert len(pool.features) == len(pool.labels) == len(pool.images) == len(pool.probs) == 90
    assert np.array_equal(pool.labelled, np.arange(30))
    assert pool.images[:30].all()
    assert not pool.images[30:].any()


def test_trials_side_by_side_give_what_each_gives_alone(world: World) -> None:
    wanted = [trial(a, b, (6, 12, 20), seed) for a, b in
              (("random", "entropy"), ("kmeans", "badge")) for seed in range(3)]  # fmt: skip
    courses = [trials.rounds(one, world) for one in wanted]
    found = trials.together(wanted[0].learner, courses)
    for one, rows in zip(wanted, found, strict=True):
        assert without_seconds(rows) == without_seconds(trials.run(one, world))


def test_a_course_goes_on_among_others_that_begin(world: World) -> None:
    wanted = trial("random", "margin", (6, 12, 20))
    whole = trials.run(wanted, world)
    courses = [trials.rounds(wanted, world, rows=whole[:n]) for n in range(4)]
    for rows in trials.together(wanted.learner, courses):
        assert without_seconds(rows) == without_seconds(whole)


def taught_at_once(monkeypatch: pytest.MonkeyPatch, spoilt: int = -1) -> list[int]:
    """Note how many lessons each call of `linear` has; one with a label on `spoilt` fails."""
    component, counts = LEARNERS.find("linear"), []

    def alone(task: Task, rng: np.random.Generator, **params: Any) -> Predictions:
        if spoilt >= 0 and task.labels[spoilt] != UNLABELED:
            raise ArithmeticError(f"image {spoilt} spoils everything")
        return component.function(task, rng, **params)

    def many(
        tasks: list[Task], rngs: list[np.random.Generator], **params: Any
    ) -> list[Predictions]:
        counts.append(len(tasks))
        return [alone(task, rng, **params) for task, rng in zip(tasks, rngs, strict=True)]

    watched = replace(component, function=alone, facts=replace(component.facts, many=many))
    monkeypatch.setitem(LEARNERS._components, "linear", watched)
    return counts


def test_lessons_of_one_round_are_taught_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [trial("random", "random", (5, 8), seed) for seed in range(4)]
    counts = taught_at_once(monkeypatch)
    trials.together(wanted[0].learner, [trials.rounds(one, world) for one in wanted])
    assert counts == [4, 4]


def test_none_waits_long_for_the_selection_of_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "PATIENCE", 0.0)
    wanted = [trial("random", "random", (5,), seed) for seed in range(4)]
    counts = taught_at_once(monkeypatch)
    found = trials.together(wanted[0].learner, [trials.rounds(one, world) for one in wanted])
    assert counts == []
    assert [len(rows) for rows in found] == [1] * 4


def test_what_one_lesson_spoils_for_many_is_told_to_its_trial_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [trial("random", "random", (5,), seed) for seed in range(4)]
    chosen = [trials.run(one, world)[0]["selected"] for one in wanted]
    [spoilt, *_] = set(chosen[2]).difference(*(c for n, c in enumerate(chosen) if n != 2))
    taught_at_once(monkeypatch, spoilt)

    def course(one: Trial) -> trials.Course[str]:
        try:
            yield from trials.rounds(one, world)
        except ArithmeticError as error:
            return str(error)
        return "well"

    ended = trials.together(wanted[0].learner, [course(one) for one in wanted])
    assert ended == ["well", "well", f"image {spoilt} spoils everything", "well"]
