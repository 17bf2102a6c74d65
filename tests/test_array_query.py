import warnings

import numpy as np
import pandas as pd
import pytest

import rayal
from rayal.registry import STRATEGIES
from rayal.requirements import REQUIREMENTS
from tests.scripts import run_script

FEATURES = np.random.default_rng(0).normal(size=(50, 4))
PROBS = np.random.default_rng(1).dirichlet(np.ones(3), size=50)


@pytest.mark.parametrize("name", ["random", "kmeans", "k_center"])
def test_a_cold_start_needs_features_alone(name: str) -> None:
    chosen = rayal.query(name, 8, features=FEATURES)
    assert chosen.dtype == np.int64
    assert len(np.unique(chosen)) == 8


def test_uncertainty_needs_probabilities_alone() -> None:
    chosen = rayal.query("least_confidence", 5, probs=PROBS)
    assert set(chosen) == set(np.argsort(PROBS.max(axis=1))[:5])


def test_labelled_images_are_not_chosen_again() -> None:
    labels = np.full(50, -1)
    labels[:45] = 0
    assert sorted(rayal.query("random", 5, labels=labels)) == [45, 46, 47, 48, 49]


def test_hacon_takes_the_lowest_confidence_of_each_cluster() -> None:
    blobs = np.repeat(np.eye(3) * 100, 10, axis=0) + FEATURES[:30, :3]
    confidence = np.linspace(0, 1, 30)
    chosen = rayal.query("hacon", 3, features=blobs, confidence=confidence, k=3)
    assert sorted(chosen) == [0, 10, 20]


def test_the_seed_decides() -> None:
    draws = [tuple(rayal.query("random", 9, features=FEATURES, seed=s)) for s in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def with_nan(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed[3] = np.nan
    return changed


PASSES = np.random.default_rng(2).dirichlet(np.ones(3), size=(4, 50))


def test_passes_are_given_as_one_array() -> None:
    disagreement = PASSES.std(axis=0).mean(axis=1)
    chosen = rayal.query("mean_std", 6, probs=PASSES)
    assert set(chosen) == set(np.argsort(-disagreement)[:6])
    assert set(rayal.query("bald", 6, probs=PASSES, passes=4)) != set(chosen)
    mean = rayal.query("entropy", 6, probs=PASSES.mean(axis=0))
    assert np.array_equal(rayal.query("entropy_dropout", 6, probs=PASSES), mean)


def test_features_stand_for_the_outputs_before_prototypes() -> None:
    lengths = np.linspace(0.1, 1, 50)
    near = np.outer(lengths, [1.0, 0.0])  # on the first of three prototypes
    near[7] = [-1.0, 0.0]  # between the two others
    assert rayal.query("msal", 1, features=near).tolist() == [7]


def test_a_balanced_choice_is_asked_for_as_in_a_sweep() -> None:
    labels = np.full(50, -1)
    labels[:5] = [0, 0, 0, 1, 2]
    chosen = rayal.query("entropy", 10, probs=PROBS, labels=labels, class_balanced={"lambda": 5.0})
    assert len(np.unique(chosen)) == 10
    plain = rayal.query("entropy", 10, probs=PROBS, labels=labels)
    target = np.array([2, 4, 4])
    loss = [np.abs(target - PROBS[c].sum(axis=0)).sum() for c in (chosen, plain)]
    assert loss[0] < loss[1]


ARRAYS = {"features": FEATURES[:, :2], "probs": PASSES, "confidence": np.linspace(0, 1, 50)}


def answers_a_query(name: str) -> bool:
    component = STRATEGIES.find(name)
    params = component.bind({})
    stands_for = [REQUIREMENTS[need].query_array for need in component.traits.needs(params)]
    return not component.traits.oracle(params) and all(stands_for)


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_every_strategy_that_needs_arrays_alone_is_reached(name: str) -> None:
    labels = np.full(50, -1)
    labels[:6] = [0, 1, 2, 0, 1, 2]
    if not answers_a_query(name):
        with pytest.raises(ValueError, match=r"use a sweep|in a sweep"):
            rayal.query(name, 7, labels=labels, **ARRAYS)
        return
    assert len(rayal.query(name, 7, labels=labels, **ARRAYS)) == 7
    for array in ARRAYS:
        changed = {**ARRAYS, array: with_nan(ARRAYS[array])}
        with pytest.raises(ValueError, match=r"NaN|finite"):
            rayal.query(name, 7, labels=labels, **changed)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32])
def test_other_numbers_are_taken_as_they_are(dtype: type) -> None:
    features = np.arange(40).reshape(20, 2)[::-1].astype(dtype)[:, ::-1]
    assert len(rayal.query("k_center", 4, features=features)) == 4


WRONG = [
    ("bald", {"probs": PROBS}, r"needs Monte-Carlo passes: pass probs=\(T, N, C\)"),
    ("consistency", {"probs": PROBS}, "needs augmented copies"),
    ("bald", {"probs": PASSES, "passes": 7}, "passes=7, but probs holds 4 passes"),
    ("badge", {"probs": PROBS}, "needs hidden: pass features="),
    ("msal", {"probs": PROBS}, "needs prototypes: pass features="),
    ("random", {"features": FEATURES, "label_balanced": True}, "reads the true labels"),
    (
        "maxherding",
        {
            "features": FEATURES,
            "probs": PROBS,
            "collapse": 0.9,
            "class_balanced": {"lambda": 1.0},
        },
        "class_balanced and collapse are different ways to spread a query",
    ),
    ("randm", {"features": FEATURES}, "no strategy named 'randm', did you mean 'random'"),
    ("kmeans", {"features": FEATURES, "kk": 3}, "has no parameter 'kk'"),
    ("random", {}, "given: nothing"),
    ("random", {"features": FEATURES, "labels": [-1] * 3}, "features 50, labels 3"),
    ("kmeans", {"labels": [-1] * 50}, "strategy 'kmeans' needs features"),
    ("entropy", {"features": FEATURES}, "needs predictions: pass probs="),
    ("hacon", {"features": FEATURES}, "needs map: pass confidence="),
    (
        "hacon",
        {"features": FEATURES, "confidence": PROBS[:, 0], "order": "ambiguous"},
        "goes by variability",
    ),
    ("uniform", {"features": FEATURES}, "reads the true labels"),
    ("kmeans", {"features": with_nan(FEATURES)}, "NaN or infinite values in 1 of 50 rows"),
    ("entropy", {"probs": with_nan(PROBS)}, "probs has NaN"),
    ("random", {"labels": [0.5] * 50}, "labels must be .* integers"),
    ("random", {"labels": [0] * 50}, "budget=5 is out of bounds: 1 to 0 images"),
    ("kmeans", {"features": [["a"]] * 50}, "must be a matrix of numbers"),
]


@pytest.mark.parametrize(("name", "arrays", "message"), WRONG, ids=[m for *_, m in WRONG])
def test_wrong_input_is_refused_with_the_reason(
    name: str, arrays: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        rayal.query(name, 5, **arrays)


@pytest.mark.parametrize("budget", [0, -1, 51])
def test_a_budget_out_of_bounds_is_refused(budget: int) -> None:
    with pytest.raises(ValueError, match=f"budget={budget} is out of bounds: 1 to 50"):
        rayal.query("random", budget, features=FEATURES)


def test_importing_rayal_imports_nothing_heavy() -> None:
    code = "import sys, rayal; print(sorted({'numpy', 'torch', 'ray', 'faiss'} & set(sys.modules)))"
    said = run_script(code)
    assert said.stdout.strip() == "[]"


def test_features_that_hardly_differ_beside_a_common_part_are_told_of_once() -> None:
    offset = FEATURES + 3e5
    with pytest.warns(
        UserWarning, match=r"less than 1e-05 of their length.*mean\(axis=0\)"
    ) as told:
        rayal.query("kmeans", 5, features=offset)
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rayal.query("kmeans", 5, features=offset - offset.mean(axis=0))
        rayal.query("random", 5, features=offset)


@pytest.mark.parametrize("name", ["label", "Unnamed: 0", " ID "])
def test_columns_that_are_no_features_by_their_names_are_refused(name: str) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=["a", "b", name])
    with pytest.raises(ValueError, match=f"has the column '{name}', which is no feature"):
        rayal.query("kmeans", 3, features=frame)
    assert len(rayal.query("kmeans", 3, features=frame.drop(columns=name))) == 3
