"""What every registered component keeps, whatever file it stands in."""

import dataclasses
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.contract_checks import check_choice
from rayal.contracts import (
    UNLABELED,
    DatasetMap,
    Pool,
    Predictions,
    Task,
)
from rayal.registry import DATASETS, LEARNERS, STRATEGIES
from rayal.requirements import FROM_LEARNER, REQUIREMENTS
from rayal.run.threads import limit_threads
from rayal.seeds import generator
from tests.scripts import run_script

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
N, D, C = 60, 5, 4
KNOWN_CLASSES = 3  # the last class has no label yet

# Parameters besides the defaults that change what a component does.
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "random": [{"cover_classes": True}, {"stratify": 4}, {"label_balanced": True}],
    "best_of": [{"batches": 5, "sub_pool": 30}],
    "kmeans": [{"normalize": False}, {"label_balanced": True}],
    "hacon": [
        {"k": "budget"},
        {"k": 7, "order": "easy_to_contrast", "label_balanced": True},
        {"k": 1000, "order": "ambiguous"},
        {"order": "centroid", "cluster": "none"},
        {"cluster": "pixels", "tau": 0.2},
        {"order": "hard_to_learn"},
        {"order": "easy_to_learn", "cluster": "none"},
    ],
    "k_center": [
        {"space": "hidden"},
        {"class_balanced": {"lambda": 5.0}},
        {"class_balanced": {"lambda": 0.5, "divided_by_classes": False}},
    ],
    "vaal": [{"epochs": 2, "class_balanced": {"lambda": 0.1}}],
    "badge": [{"label_balanced": True}],
    "facility_location": [{"collapse": 0.9}, {"label_balanced": True}],
    "dropquery": [{"passes": 1, "rate": 0.2}],
    "bait": [{"likelihood": "multinomial"}, {"label_balanced": True}],
    "dbal": [{"beta": 1}],
    "probcover": [{"delta": 0.3}],
    "typiclust": [{"max_clusters": 3}, {"collapse": 0.9}, {"collapse": 0.1}],
    "entropy": [
        {"class_balanced": {"lambda": 1.0}},
        {"class_balanced": {"lambda": "auto"}},
        {"class_balanced": {"lambda": 0.5, "solver": "highs"}},
        {"pseudo_label_balanced": True},
        {"diverse": {"beta": 2.5}},
        {"label_balanced": True},
    ],
    "bald": [{"passes": 3, "class_balanced": {"lambda": 0.1}}, {"diverse": {"beta": 3}}],
    "msal": [{"diverse": {"beta": 4}}],
    "msal_d": [{"beta": 1}, {"beta": 50}],
    "linear": [
        {"scaling": "l2"},
        {"batch_size": 4, "epochs": 5, "milestones": [2]},
        {"dropout": 0.5},
        {"prototypes": True, "radius": 2.0},
        {"pseudo_labels": "ceal"},
    ],
    "knn": [{"k": 5}],
}


def cases(names: list[str]) -> list[Any]:
    return [
        pytest.param(name, given, id=f"{name}-{json.dumps(given)}" if given else name)
        for name in names
        for given in [{}, *VARIANTS.get(name, [])]
    ]


each_strategy = pytest.mark.parametrize(("name", "given"), cases(STRATEGIES.names()))
OF_IMAGES = [
    n
    for n in LEARNERS.names()
    if "images" in LEARNERS.find(n).traits.needs(LEARNERS.find(n).bind({}))
]
OF_FEATURES = [name for name in LEARNERS.names() if name not in OF_IMAGES]
each_learner = pytest.mark.parametrize(("name", "given"), cases(OF_FEATURES))


def frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def pool(labelled: int = 6, *, n: int = N, d: int = D, features: np.ndarray | None = None) -> Pool:
    """A pool of read-only arrays in which only the first classes have labels."""
    rng = np.random.default_rng(n + d)
    truth = np.arange(n) % C
    known = np.flatnonzero(truth < KNOWN_CLASSES)[:labelled]
    labels = np.full(n, UNLABELED)
    labels[known] = truth[known]
    if features is None:
        features = (rng.normal(size=(n, d)) + truth[:, None]).astype(np.float32)
    table = {tau: frozen(rng.random(n, dtype=np.float32)) for tau in (0.05, 0.2)}
    by_truth = tuple(frozen(rng.random(n, dtype=np.float32)) for _ in range(2))
    return Pool(
        features=frozen(features),
        labels=frozen(labels),
        num_classes=C,
        images=frozen(rng.integers(256, size=(n, 3, 3, 1), dtype=np.uint8)),
        map=DatasetMap(table, table, frozen(np.ones(n, dtype=np.int64)), by_truth),
        true_labels=frozen(truth),
        initial_pool=frozen(np.arange(n)),
        predictions=predictions(n, features),
        score_batches=lambda batches: [
            (float(batch.min()), float(batch.max())) for batch in batches
        ],
    )


def predictions(n: int, features: np.ndarray) -> Predictions:
    """Predictions with every part that a learner may give."""
    rng = np.random.default_rng(n)

    def drawn(source: np.random.Generator) -> np.ndarray:
        return frozen(source.dirichlet(np.ones(C), size=n).astype(np.float32))

    probs, views = drawn(rng), [drawn(rng) for _ in range(3)]
    projected = frozen(rng.normal(size=(n, C - 1)).astype(np.float32))
    weights = frozen(rng.normal(size=(C, features.shape[1] + 1)).astype(np.float32))
    return Predictions(
        test=probs[:0],
        predict_pool=lambda: probs,
        mc_dropout=lambda T, source: (drawn(source) for _ in range(T)),
        predict_views=lambda: iter(views),
        penultimate_features=lambda: features,
        prototype_outputs=lambda: projected,
        last_layer=lambda: weights,
    )


def allowed(given: Predictions | None, needs: set[str]) -> Predictions | None:
    """Only those parts of the predictions that were declared as needed."""
    if given is None or not needs & FROM_LEARNER:
        return None

    def undeclared() -> np.ndarray:
        raise AssertionError("probabilities were read and not declared")

    return dataclasses.replace(
        given,
        predict_pool=given.predict_pool if "predictions" in needs else undeclared,
        mc_dropout=given.mc_dropout if "dropout" in needs else None,
        predict_views=given.predict_views if "views" in needs else None,
        penultimate_features=given.penultimate_features if "hidden" in needs else None,
        prototype_outputs=given.prototype_outputs if "prototypes" in needs else None,
        last_layer=given.last_layer if "last_layer" in needs else None,
    )


def ask(name: str, given: Mapping[str, Any], pool: Pool, budget: int, seed: int = 0) -> np.ndarray:
    """Ask as the trial does: nothing that is not declared, and the answer checked."""
    component = STRATEGIES.find(name)
    params = component.bind(given)
    needs = component.traits.needs(params)
    assert needs <= REQUIREMENTS.keys()
    if not component.traits.oracle(params):
        pool = dataclasses.replace(pool, true_labels=None)
    if not needs & {"map", "truth_map"}:
        pool = dataclasses.replace(pool, map=None)
    if "images" not in needs:
        pool = dataclasses.replace(pool, images=None)
    pool = dataclasses.replace(pool, predictions=allowed(pool.predictions, needs))
    chosen = component.function(pool, budget, generator("contract", seed), **params)
    assert isinstance(chosen, np.ndarray)
    return check_choice(name, chosen, pool.labels, budget)


def serves_as_first(name: str, given: Mapping[str, Any]) -> bool:
    component = STRATEGIES.find(name)
    return not component.traits.needs(component.bind(given)) & FROM_LEARNER


@each_strategy
@pytest.mark.parametrize("budget", [4, 11, N - 6])
@pytest.mark.parametrize("labelled", [0, 6])
def test_a_strategy_chooses_b_distinct_unlabelled_images(
    name: str, given: dict[str, Any], budget: int, labelled: int
) -> None:
    if labelled == 0 and not serves_as_first(name, given):
        return  # a plan refuses it before the first label
    assert len(ask(name, given, pool(labelled), budget)) == budget


@each_strategy
def test_a_strategy_can_choose_one_image_and_all_that_are_left(
    name: str, given: dict[str, Any]
) -> None:
    one_missing = pool(45)  # every image of the known classes: the fourth has no label
    assert len(ask(name, given, one_missing, 1)) == 1
    everything = ask(name, given, one_missing, 15)
    assert np.array_equal(np.sort(everything), one_missing.unlabeled)


@each_strategy
def test_a_strategy_repeats_its_answer(name: str, given: dict[str, Any]) -> None:
    assert np.array_equal(ask(name, given, pool(), 9), ask(name, given, pool(), 9))


@each_strategy
@pytest.mark.parametrize("distinct", [1, 3])
def test_a_strategy_copes_with_identical_images(
    name: str, given: dict[str, Any], distinct: int
) -> None:
    rows = np.random.default_rng(0).normal(size=(distinct, D)).astype(np.float32)
    ask(name, given, pool(features=rows[np.arange(N) % distinct]), 20)


@each_strategy
def test_a_strategy_copes_with_zero_features_and_with_one_dimension(
    name: str, given: dict[str, Any]
) -> None:
    ask(name, given, pool(features=np.zeros((N, D), dtype=np.float32)), 20)
    ask(name, given, pool(d=1), 20)


@each_strategy
def test_a_strategy_copes_with_features_that_are_not_contiguous(
    name: str, given: dict[str, Any]
) -> None:
    straight = pool()
    strided = np.repeat(straight.features, 2, axis=1)[:, ::2]
    assert not strided.flags.c_contiguous
    expected = ask(name, given, straight, 9)
    again = ask(name, given, dataclasses.replace(straight, features=strided), 9)
    assert np.array_equal(again, expected)


@each_strategy
def test_a_strategy_answers_alike_whatever_the_precision_of_equal_features(
    name: str, given: dict[str, Any]
) -> None:
    halves = pool().features.astype(np.float16)
    expected = ask(name, given, pool(features=halves.astype(np.float32)), 9)
    for kind in (np.float16, np.float64):
        again = ask(name, given, pool(features=halves.astype(kind)), 9)
        assert np.array_equal(again, expected)


# Training of networks adds up in an order that depends on the threads.
@pytest.mark.parametrize(
    ("name", "given"), cases([name for name in STRATEGIES.names() if name != "vaal"])
)
def test_a_strategy_answers_alike_on_one_thread_and_on_two(
    name: str, given: dict[str, Any]
) -> None:
    found = []
    n = 150 if name == "coreset_mip" else 1500  # an integer programme
    for threads in (1, 2):
        with limit_threads(threads):
            found.append(ask(name, given, pool(40, n=n, d=24), 50))
    assert np.array_equal(*found)


def answers() -> dict[str, list[int]]:
    """All strategies' answers, for comparison with another process."""
    return {
        str(case.id): ask(case.values[0], case.values[1], pool(), 9).tolist()
        for case in cases(STRATEGIES.names())
    }


def test_every_strategy_gives_the_same_answer_in_another_process() -> None:
    code = "import json, test_contracts; print(json.dumps(test_contracts.answers()))"
    paths = [str(ROOT), str(ROOT / "tests")]
    script = f"import sys; sys.path[:0] = {paths}; {code}"
    done = run_script(script, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert json.loads(done.stdout) == answers()


def task(labelled: np.ndarray, *, n: int = N, d: int = D) -> Task:
    given = pool(n=n, d=d)
    assert given.true_labels is not None
    labels = np.full(n, UNLABELED)
    labels[labelled] = given.true_labels[labelled]
    return Task(given.features, frozen(given.features[:17].copy()), frozen(labels), C)


def learn(name: str, given: Mapping[str, Any], task: Task) -> Predictions:
    component = LEARNERS.find(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictions = component.function(task, generator("contract"), **component.bind(given))
        assert isinstance(predictions, Predictions)
        check_parts(predictions, component.traits.gives(component.bind(given)), task)
        for probs, rows in (
            (predictions.test, len(task.test)),
            (predictions.pool, len(task.train)),
        ):
            assert probs.dtype == np.float32
            assert probs.shape == (rows, C)
            assert probs.min() >= 0
            np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    return predictions


def check_parts(predictions: Predictions, gives: set[str], task: Task) -> None:
    """What a learner says it gives is there, and nothing else."""
    assert gives <= FROM_LEARNER
    parts = {
        "dropout": predictions.mc_dropout,
        "hidden": predictions.penultimate_features,
        "prototypes": predictions.prototype_outputs,
        "last_layer": predictions.last_layer,
    }
    assert {name for name, part in parts.items() if part is not None} == gives & parts.keys()
    N = len(task.train)
    if predictions.mc_dropout is not None:
        passes = list(predictions.mc_dropout(3, generator("passes")))
        assert [p.shape for p in passes] == [(N, C)] * 3
        assert all(np.isfinite(p).all() for p in passes)
    if predictions.penultimate_features is not None:
        assert len(predictions.penultimate_features()) == N
    if predictions.last_layer is not None:
        weights, seen = predictions.last_layer(), predictions.penultimate_features()
        logits = seen @ weights[:, :-1].T + weights[:, -1]
        expected = np.exp(logits - logits.max(axis=1, keepdims=True))
        expected /= expected.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(predictions.pool, expected, atol=1e-5)
    if predictions.prototype_outputs is not None:
        assert predictions.prototype_outputs().shape == (N, C - 1)
    if task.views is not None:
        assert predictions.predict_views is not None
        assert [p.shape for p in predictions.predict_views()] == [(N, C)] * len(task.views)


@each_learner
def test_a_learner_predicts_augmented_copies_as_it_predicts_the_pool(
    name: str, given: dict[str, Any]
) -> None:
    plain = task(np.arange(9))
    seen = learn(name, given, dataclasses.replace(plain, views=np.stack([plain.train] * 2)))
    assert seen.predict_views is not None
    for probs in seen.predict_views():
        assert np.array_equal(probs, seen.pool)


@each_learner
@pytest.mark.parametrize(
    "labelled",
    [np.array([7]), np.arange(0, N, C), np.arange(9), np.arange(N)],
    ids=["one label", "one class", "nine labels", "all labelled"],
)
def test_a_learner_gives_probabilities(
    name: str, given: dict[str, Any], labelled: np.ndarray
) -> None:
    learn(name, given, task(labelled))


@each_learner
def test_a_learner_copes_with_one_dimension_and_constant_features(
    name: str, given: dict[str, Any]
) -> None:
    learn(name, given, task(np.arange(9), d=1))
    constant = dataclasses.replace(
        task(np.arange(9)), train=np.ones((N, D), np.float32), test=np.ones((17, D), np.float32)
    )
    learn(name, given, constant)


@each_learner
def test_a_learner_repeats_its_answer(name: str, given: dict[str, Any]) -> None:
    first, second = (learn(name, given, task(np.arange(20))) for _ in range(2))
    assert np.array_equal(first.test, second.test)
    assert np.array_equal(first.pool, second.pool)


@each_learner
def test_a_learner_predicts_its_own_labels_where_classes_are_far_apart(
    name: str, given: dict[str, Any]
) -> None:
    truth = np.arange(N) % C
    features = 5 * np.eye(C, dtype=np.float32)[truth]
    far_apart = Task(features, features, np.where(np.arange(N) < 40, truth, UNLABELED), C)
    assert np.array_equal(learn(name, given, far_apart).test.argmax(axis=1), truth)


@each_learner
def test_a_learner_says_that_it_needs_a_label(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{name} needs at least one label"):
        learn(name, given, task(np.array([], dtype=np.int64)))


@pytest.mark.parametrize("name", OF_IMAGES)
def test_a_learner_of_images_says_that_it_needs_them(name: str) -> None:
    """What else it keeps is tested in learners/test_network.py, which has images."""
    with pytest.raises(ValueError, match="the task has none of the pool; give images"):
        learn(name, {}, task(np.arange(9)))


# Those that need a file or a network have tests of their own.
def test_the_dataset_without_files_loads_as_published() -> None:
    component = DATASETS.find("digits")
    data = component.function(**component.bind({}))
    assert component.traits.published is not None
    assert (len(data.train.labels), data.num_classes) == component.traits.published()
    for split in (data.train, data.test):
        assert split.images.dtype == np.uint8
        assert split.images.ndim == 4
        assert split.labels.dtype == np.int64
        assert set(split.labels) == set(range(data.num_classes))
        assert len(split.images) == len(split.labels)
