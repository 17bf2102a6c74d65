import dataclasses
import gc
from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
import pytest
import threadpoolctl

from rayal.contracts import UNLABELED, Predictions, Task
from rayal.kernels.prototypes import simplex
from rayal.learners._heads import batched as many_heads
from rayal.learners._heads import scaling
from rayal.learners._heads.adam import Adam, AdamSchedule
from rayal.learners._heads.batched import Problem, fit_many
from rayal.learners._heads.softmax import dropout, initial_weights
from rayal.learners.linear import linear, linear_many


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = faiss.omp_get_max_threads()
    yield
    faiss.omp_set_num_threads(before)


@dataclasses.dataclass
class Case:
    inputs: np.ndarray
    problems: list[Problem]
    schedule: AdamSchedule
    last: np.ndarray | None

    def afresh(self) -> list[Problem]:
        """The problems with their generators as they were at first."""
        return [dataclasses.replace(p, rng=rng(i)) for i, p in enumerate(self.problems)]


def random_case(seed: int, dropout: bool = False) -> Case:
    """Some heads of a few label counts, one label among them; batches of one and more images."""
    draw = rng(seed)
    D, C, U, S = (int(n) for n in draw.integers([1, 2, 5, 2], [30, 14, 40, 7]))
    inputs = draw.normal(size=(U, D)).astype(np.float32)
    last = draw.uniform(0.3, 2) * simplex(C).astype(np.float32) if draw.random() < 0.4 else None
    counts = draw.choice([1, *draw.integers(1, U + 1, size=2)], size=S)
    problems = [
        Problem(
            draw.choice(U, int(L), replace=False),
            draw.integers(C, size=L),
            initial_weights(D, C if last is None else C - 1, draw),
            rng(number),
        )
        for number, L in enumerate(counts)
    ]
    part = 0.3 if dropout else 0.0
    schedule = AdamSchedule(
        int(draw.integers(1, 5)), int(draw.choice([1, 2, 3, 7, 64])), 0.01, (2,)
    )
    return Case(inputs, problems, dataclasses.replace(schedule, dropout=part), last)


def twin(case: Case, problem: Problem) -> np.ndarray:
    """One head in float64, Adam as it is printed."""
    plan, draw, C = case.schedule, problem.rng, len(problem.weights)
    last = np.eye(C) if case.last is None else case.last.astype(np.float64)
    weights = problem.weights.astype(np.float64)
    m, v, t = np.zeros_like(weights), np.zeros_like(weights), 0
    L = len(problem.labels)
    for epoch in range(plan.epochs):
        lr = plan.lr * 0.1 ** sum(epoch >= milestone for milestone in plan.milestones)
        order = draw.permutation(L) if plan.batch_size < L else np.arange(L)
        for start in range(0, L, plan.batch_size):
            batch = order[start : start + plan.batch_size]
            x = case.inputs[problem.positions[batch]]
            if plan.dropout:
                x = dropout(x, plan.dropout, draw)
            x = np.column_stack([x, np.ones(len(batch))])
            e = np.exp(x @ weights.T @ last.T)
            residual = e / e.sum(axis=1, keepdims=True)
            residual[np.arange(len(batch)), problem.labels[batch]] -= 1
            g = last.T @ (residual.T @ x) / len(batch)
            t += 1
            m = 0.9 * m + 0.1 * g
            v = 0.999 * v + 0.001 * g**2
            weights -= lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return weights


@pytest.mark.parametrize("dropout", [False, True])
def test_every_head_is_what_the_printed_formulas_give(dropout: bool) -> None:
    for seed in range(100):
        case = random_case(seed, dropout)
        found = fit_many(case.inputs, case.afresh(), case.schedule, case.last)
        for weights, problem in zip(found, case.afresh(), strict=True):
            np.testing.assert_allclose(weights, twin(case, problem), atol=1e-5)


@pytest.mark.parametrize("dropout", [False, True])
def test_a_head_is_the_same_to_the_bit_alone_and_among_others(dropout: bool) -> None:
    for seed in range(150):
        case = random_case(seed, dropout)
        many = fit_many(case.inputs, case.afresh(), case.schedule, case.last)
        for weights, problem in zip(many, case.afresh(), strict=True):
            alone = fit_many(case.inputs, [problem], case.schedule, case.last)[0]
            assert np.array_equal(weights, alone), seed


@pytest.mark.parametrize(("D", "C", "batch"), [(512, 10, 4), (300, 8, 128), (65, 40, 33)])
def test_larger_heads_are_the_same_to_the_bit_in_blocks_of_any_size_and_on_any_threads(
    D: int, C: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = rng().normal(size=(90, D)).astype(np.float32)
    schedule = AdamSchedule(3, batch, 0.01, ())

    def problems() -> list[Problem]:
        return [
            Problem(rng(s).permutation(90)[:70], rng(s).integers(C, size=70), start, rng(s))
            for s, start in enumerate(initial_weights(D, C, rng(s)) for s in range(9))
        ]

    faiss.omp_set_num_threads(1)
    expected = fit_many(inputs, problems(), schedule)
    for numbers, threads in ((1, 1), (3 * C * (D + 1), 2), (1 << 17, 3)):
        monkeypatch.setattr(many_heads, "BLOCK_NUMBERS", numbers)
        faiss.omp_set_num_threads(threads)
        assert np.array_equal(fit_many(inputs, problems(), schedule), expected)


def test_blas_has_the_threads_afterwards_that_it_had_before() -> None:
    def threads() -> list[int]:
        libraries = threadpoolctl.threadpool_info()
        return [found["num_threads"] for found in libraries if found["user_api"] == "blas"]

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threads()
        case = random_case(0)
        fit_many(case.inputs, case.afresh(), case.schedule, case.last)
        assert threads() == before


def test_a_step_in_pieces_is_the_step_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    gradients = rng().normal(size=(5, 3, 50)).astype(np.float32)

    def moved() -> np.ndarray:
        weights, gradient = np.ones((3, 50), dtype=np.float32), np.empty((3, 50), dtype=np.float32)
        adam = Adam(weights, gradient)
        for given in gradients:
            gradient[:] = given
            adam.step(0.01)
        return weights

    whole = moved()
    monkeypatch.setattr("rayal.learners._heads.adam.CHUNK", 7)
    assert np.array_equal(moved(), whole)


def test_of_no_problems_there_are_no_heads() -> None:
    assert fit_many(np.ones((2, 2), dtype=np.float32), [], AdamSchedule(1, 1, 0.1, ())) == []
    assert linear_many([], []) == []


def tasks(counts: tuple[int, ...] = (12, 5, 12, 1), **more: Any) -> list[Task]:
    """Tasks that share their arrays; each has its own images labelled."""
    truth = rng(1).integers(4, size=60)
    pool = (rng(2).normal(size=(60, 6)) + truth[:, None]).astype(np.float32)
    test = (rng(3).normal(size=(1100, 6)) + 1).astype(np.float32)
    views = rng(4).normal(size=(2, 60, 6)).astype(np.float32)
    for array in (pool, test, views):
        array.flags.writeable = False
    labels = np.full((len(counts), 60), UNLABELED)
    for seed, count in enumerate(counts):
        chosen = rng(seed).permutation(60)[:count]
        labels[seed, chosen] = truth[chosen]
    labels.flags.writeable = False
    return [Task(pool, test, own, 4, views=views, **more) for own in labels]


def everything(predictions: Predictions) -> list[np.ndarray]:
    assert predictions.predict_views is not None
    found = [
        predictions.test,
        predictions.pool,
        predictions.penultimate_features(),
        *predictions.predict_views(),
    ]
    if predictions.mc_dropout is not None:
        found += list(predictions.mc_dropout(3, rng(9)))
    return (
        found
        if predictions.prototype_outputs is None
        else [*found, predictions.prototype_outputs()]
    )


OPTIONS: list[dict[str, Any]] = [
    {},
    {"batch_size": 4, "epochs": 20, "milestones": (5,)},
    {"batch_size": 11, "lr": 0.1},  # a last batch of one
    {"scaling": "l2"},
    {"dropout": 0.3},
    {"dropout": 0.3, "batch_size": 4, "epochs": 10},
    {"prototypes": True, "radius": 0.5},
    {"prototypes": True, "dropout": 0.2, "scaling": "l2", "batch_size": 5, "epochs": 10},
]


@pytest.mark.parametrize("params", OPTIONS, ids=str)
def test_many_tasks_give_the_predictions_of_each_alone_to_the_bit(params: dict[str, Any]) -> None:
    given = tasks()
    many_rngs, rngs = ([rng(seed) for seed in range(len(given))] for _ in range(2))
    many = linear_many(given, many_rngs, **params)
    for task, found, used, own in zip(given, many, many_rngs, rngs, strict=True):
        alone = linear(task, own, **params)
        for a, b in zip(everything(found), everything(alone), strict=True):
            assert np.array_equal(a, b)
        assert used.random() == own.random()  # as much was drawn


def test_many_tasks_take_up_their_own_pseudo_labels() -> None:
    sure = np.eye(4, dtype=np.float32)[rng(1).integers(4, size=60)]
    unsure = np.full((60, 4), 0.25, dtype=np.float32)
    given = [
        dataclasses.replace(
            task, round=1, previous_predictions=Predictions(probs[:0], lambda probs=probs: probs)
        )
        for task, probs in zip(tasks(), (sure, unsure, unsure, sure), strict=True)
    ]
    many = linear_many(given, [rng(s) for s in range(4)], pseudo_labels="ceal")
    for seed, (task, found) in enumerate(zip(given, many, strict=True)):
        alone = linear(task, rng(seed), pseudo_labels="ceal")
        assert np.array_equal(found.test, alone.test)


@pytest.mark.parametrize("scaling", ["standardize", "l2"])
@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_features_of_other_types_and_orders_give_float32_predictions(
    scaling: str, kind: type[np.generic]
) -> None:
    def predicted(pool: np.ndarray, test: np.ndarray) -> Predictions:
        given = dataclasses.replace(tasks()[0], train=pool, test=test)
        return linear_many([given], [rng()], scaling=scaling)[0]

    plain = tasks()[0]
    pool, test = np.asfortranarray(plain.train.astype(kind)), plain.test.astype(kind)[::-1]
    found = predicted(pool, test)
    expected = predicted(pool.astype(np.float32), test.astype(np.float32))
    assert found.test.dtype == found.pool.dtype == np.float32
    np.testing.assert_allclose(found.test, expected.test, atol=1e-5)
    np.testing.assert_allclose(found.pool, expected.pool, atol=1e-5)


def test_tasks_of_different_pools_are_refused() -> None:
    one, other = tasks()[:2]
    for name in ("train", "test", "views"):
        moved = dataclasses.replace(other, **{name: getattr(other, name).copy()})
        with pytest.raises(ValueError, match=f"'{name}' of these 2 is not one array"):
            linear_many([one, moved], [rng(), rng()])
    with pytest.raises(ValueError, match=r"\[4, 5\] classes"):
        linear_many([one, dataclasses.replace(other, num_classes=5)], [rng(), rng()])


def test_generators_that_are_not_one_for_each_task_are_refused() -> None:
    shared = rng()
    for rngs in ([rng()], [shared, shared], [rng(), rng(), rng()]):
        with pytest.raises(ValueError, match="generator of its own for each of 2 tasks"):
            linear_many(tasks()[:2], rngs)


def test_a_task_without_labels_and_a_parameter_that_linear_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="linear needs at least one label to train on"):
        linear_many(tasks((3, 0)), [rng(), rng()])
    with pytest.raises(TypeError, match="momentum"):
        linear_many(tasks((3,)), [rng()], momentum=0.9)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each computation of a pool's statistics had."""
    calls: list[int] = []
    real = scaling.mean_and_deviation

    def counted(pool: np.ndarray) -> scaling.Statistics:
        calls.append(len(pool))
        return real(pool)

    monkeypatch.setattr(scaling, "mean_and_deviation", counted)
    return calls


def test_the_statistics_of_a_pool_are_computed_once_for_all_tasks_and_calls(
    computed: list[int],
) -> None:
    given = tasks()
    linear_many(given, [rng(s) for s in range(4)], epochs=1)
    linear(given[0], rng(), epochs=1)
    assert computed == [60]


def test_the_statistics_of_a_pool_that_may_be_written_to_are_never_kept(
    computed: list[int],
) -> None:
    pool = rng().normal(size=(20, 3)).astype(np.float32)
    frozen_view = pool[:]
    frozen_view.flags.writeable = False
    for array in (pool, frozen_view):
        before = scaling.standardizer(array)(array)
        pool += 1  # in place: kept statistics would be wrong now
        np.testing.assert_allclose(scaling.standardizer(array)(array), before, atol=1e-5)
    assert computed == [20] * 4


def test_the_statistics_are_forgotten_with_the_pool() -> None:
    pool = rng().normal(size=(20, 3)).astype(np.float32)
    pool.flags.writeable = False
    scaling.standardizer(pool)
    key = id(pool)
    assert key in scaling._known
    del pool
    gc.collect()
    assert key not in scaling._known
