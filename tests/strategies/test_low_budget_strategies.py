"""What holds for each of the strategies that no label or prediction is needed for."""

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from rayal.contracts import UNLABELED, Pool, Predictions, Strategy
from rayal.strategies.farthest_point import farthest_point
from rayal.strategies.maxherding import maxherding
from rayal.strategies.probcover import probcover
from rayal.strategies.tcm import tcm
from rayal.strategies.typiclust import typiclust
from rayal.strategies.uherding import uherding
from tests.scripts import run_script

pytestmark = pytest.mark.slow

STRATEGIES: list[Strategy] = [typiclust, tcm, probcover, maxherding, uherding, farthest_point]
POOLS = {
    "scattered": np.random.default_rng(0).normal(size=(60, 7)),
    "one direction": np.random.default_rng(0).normal(size=(40, 1)),
    "copies": np.repeat(np.random.default_rng(0).normal(size=(6, 4)), 7, axis=0),
    "all alike": np.ones((30, 3)),
    "all zero": np.zeros((30, 3)),
    "two": np.eye(2),
}


def pool(features: np.ndarray, labeled: int = 0) -> Pool:
    labels = np.full(len(features), UNLABELED)
    known = np.random.default_rng(1).permutation(len(features))[:labeled]
    labels[known] = np.arange(labeled) % 3
    if not labeled:
        return Pool(features, labels, 3)
    probs = np.random.default_rng(2).dirichlet(np.ones(3), len(features)).astype(np.float32)
    return Pool(features, labels, 3, predictions=Predictions(probs, lambda: probs))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.__name__)
@pytest.mark.parametrize("name", POOLS)
def test_it_gives_b_distinct_unlabeled_images(strategy: Strategy, name: str) -> None:
    features = POOLS[name].astype(np.float32)
    N = len(features)
    for labeled in {0, 1, N // 2, N - 1}:
        asked = pool(features, labeled)
        left = N - labeled
        for budget in {1, (left + 1) // 2, left}:
            picks = strategy(asked, budget, np.random.default_rng(0))
            assert picks.dtype == np.int64
            assert len(set(picks.tolist())) == budget == len(picks)
            assert set(picks) <= set(asked.unlabeled)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.__name__)
@pytest.mark.parametrize("kind", ["float16", "float64", "columns first", "every second"])
def test_any_numbers_work_and_none_is_written(strategy: Strategy, kind: str) -> None:
    plain = POOLS["scattered"].astype(np.float16)
    given = {
        "float16": plain,
        "float64": plain.astype(np.float64),
        "columns first": np.asfortranarray(plain.astype(np.float32)),
        "every second": np.repeat(plain.astype(np.float32), 2, axis=0)[::2],
    }[kind]
    given.flags.writeable = False
    expected = strategy(pool(plain.astype(np.float32), 5), 9, np.random.default_rng(0))
    found = strategy(replace(pool(plain, 5), features=given), 9, np.random.default_rng(0))
    assert np.array_equal(found, expected)


SCRIPT = """
import numpy as np
from tests.strategies.test_low_budget_strategies import STRATEGIES, pool
features = np.random.default_rng(5).normal(size=(400, 33)).astype(np.float32)
for strategy in STRATEGIES:
    print(strategy(pool(features, 4), 15, np.random.default_rng(3)).tolist())
"""


def test_another_process_gives_the_same_answer() -> None:
    out = run_script(SCRIPT)
    features = np.random.default_rng(5).normal(size=(400, 33)).astype(np.float32)
    own = [strategy(pool(features, 4), 15, np.random.default_rng(3)) for strategy in STRATEGIES]
    assert out.stdout.splitlines() == [str(picks.tolist()) for picks in own]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.__name__)
def test_two_threads_give_the_same_answer_as_one(strategy: Strategy) -> None:
    features = np.random.default_rng(5).normal(size=(1000, 33)).astype(np.float32)
    answers = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            answers.append(strategy(pool(features, 4), 20, np.random.default_rng(3)))
    assert np.array_equal(*answers)


@pytest.mark.parametrize("strategy", [maxherding, farthest_point])
def test_budgets_nest(strategy: Strategy) -> None:
    features = POOLS["scattered"].astype(np.float32)
    small, large = (strategy(pool(features), b, np.random.default_rng(0)) for b in (7, 60))
    assert np.array_equal(large[:7], small)
