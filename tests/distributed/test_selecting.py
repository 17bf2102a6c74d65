"""Choices from shards: the same for any number of them, and those of one machine."""

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.distributed.row_keys import keys_at, row_keys, row_uniforms
from rayal.distributed.selecting import ShardSelection, select_from_shards
from rayal.distributed.strategies import STRATEGIES
from rayal.kernels import balance, uncertainty
from rayal.kernels.covering import greedy_k_center
from rayal.seeds import generator, integer
from rayal.storage.files import StoreError
from rayal.storage.shards import Batch, write_manifest, write_shard, write_shards
from tests.distributed.pools import IDS, LABELS, PROBS, SCORES, C, N, X, write_pool

CUTS = 1, 4, 16
LABELED = np.array(sorted(IDS.index(name) for name in LABELS))
BALANCED = [(name, {"class_balanced": 1.0}) for name in ("margin", "scores")]
CASES: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in STRATEGIES] + BALANCED


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The same rows in 1, 4 and 16 shards."""
    root = tmp_path_factory.mktemp("pools")
    for cut in CUTS:
        write_pool(root / str(cut), cut)
    return {cut: root / str(cut) for cut in CUTS}


@pytest.mark.parametrize(("name", "params"), CASES)
@pytest.mark.parametrize("labels", [{}, LABELS], ids=["first", "later"])
def test_choices_do_not_depend_on_the_shards(
    pools: dict[int, Path], name: str, params: dict[str, Any], labels: dict[str, int]
) -> None:
    chosen = [
        select_from_shards(pools[cut], name, 30, labels=labels, seed=7, **params) for cut in CUTS
    ]
    for each in chosen:
        assert len(set(each.ids)) == 30
        assert not set(each.ids) & set(labels)
        assert each.ids == tuple(IDS[position] for position in each.positions)
        assert each.ids == chosen[0].ids


def test_k_center_is_that_of_one_machine(pools: dict[int, Path]) -> None:
    none = np.empty(0, np.int64)
    first = select_from_shards(pools[16], "k_center", 40, seed=3)
    expected = greedy_k_center(X, none, 40, generator("shards", 3))
    np.testing.assert_array_equal(first.positions, expected)
    later = select_from_shards(pools[4], "k_center", 40, labels=LABELS, seed=3)
    expected = greedy_k_center(X, LABELED, 40, generator("shards", 3))
    np.testing.assert_array_equal(later.positions, expected)


def test_rows_read_anew_at_each_pass_are_the_same(
    tmp_path: Path, pools: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rayal.distributed.selecting.is_streamed", lambda *_: True)
    for name in ("k_center", "kmeans", "typiclust", "facility_location"):
        streamed = select_from_shards(pools[4], name, 30, labels=LABELS)
        with monkeypatch.context() as mapped:
            mapped.setattr("rayal.distributed.selecting.is_streamed", lambda *_: False)
            assert streamed.ids == select_from_shards(pools[4], name, 30, labels=LABELS).ids


def test_half_precision_is_computed_with_as_it_is_stored(tmp_path: Path) -> None:
    write_pool(tmp_path, 3, "float16")
    chosen = select_from_shards(tmp_path, "k_center", 20, seed=1)
    stored = X.astype(np.float16).astype(np.float32)
    expected = greedy_k_center(stored, np.empty(0, np.int64), 20, generator("shards", 1))
    np.testing.assert_array_equal(chosen.positions, expected)


@pytest.mark.parametrize(
    ("name", "scores"),
    [
        ("scores", SCORES.astype(np.float64)),
        ("margin", uncertainty.negative_margin(PROBS.astype(np.float64))),
        ("random", np.zeros(N)),
    ],
)
def test_the_highest_scores_are_those_of_one_sort(
    pools: dict[int, Path], name: str, scores: np.ndarray
) -> None:
    keys = row_keys(integer(generator("shards", 5)), 0, N)
    order = np.lexsort((keys, -scores))
    expected = order[~np.isin(order, LABELED)]
    for budget in (1, 50, 1000, N - len(LABELS)):
        chosen = select_from_shards(pools[16], name, budget, labels=LABELS, seed=5)
        np.testing.assert_array_equal(chosen.positions, expected[:budget])


def test_rows_at_random_are_equally_likely(pools: dict[int, Path]) -> None:
    counts = np.zeros(N)
    for seed in range(60):
        counts[select_from_shards(pools[1], "random", 400, seed=seed).positions] += 1
    assert abs(counts.mean() - 15) < 1e-9
    assert 0.8 < counts.var() / (60 * 0.25 * 0.75) < 1.25


def test_the_balanced_choice_has_the_bound_of_one_machine(pools: dict[int, Path]) -> None:
    left = np.setdiff1d(np.arange(N), LABELED)
    budget, weight = 60, 1.0
    counts = np.bincount(list(LABELS.values()), minlength=C)
    target = np.maximum((len(LABELS) + budget) / C - counts, 0)
    costs = -uncertainty.negative_margin(PROBS[left].astype(np.float64))
    alone = balance.solve(costs, PROBS[left], target, budget, weight)
    chosen = select_from_shards(pools[16], "margin", budget, labels=LABELS, class_balanced=weight)
    assert set(chosen.positions) == set(left[alone.indices])
    assert chosen.figures["bound"] == pytest.approx(alone.bound, abs=1e-9)
    assert chosen.figures["objective"] == pytest.approx(alone.objective, abs=1e-9)
    assert chosen.figures["bound"] <= chosen.figures["objective"]


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_balanced_choice_draws_among_rows_that_it_cannot_tell_apart(
    tmp_path: Path, weight: float
) -> None:
    probs = np.repeat(np.eye(3, dtype=np.float32), 40, axis=0)[:, [1, 2, 0]]
    probs[7] = [0.5, 0.3, 0.2]
    rows = Batch([str(i) for i in range(120)], np.ones((120, 2), np.float32), probs)
    cuts = [write_shards(tmp_path / str(n), [rows], rows_per_shard=n).root for n in (120, 13)]
    times = np.zeros(120)
    for seed in range(40):
        chosen, other = (
            select_from_shards(cut, "entropy", 12, seed=seed, class_balanced=weight).positions
            for cut in cuts
        )
        assert chosen.tolist() == other.tolist()
        assert chosen[0] == 7  # the highest score comes first
        if weight:
            assert set(np.bincount(chosen // 40).tolist()) <= {3, 4, 5}
        times[chosen] += 1
    assert np.delete(times, 7).max() < 14  # 4 on average, with a deviation of 1.8


def test_the_balanced_choice_fetches_few_rows_of_a_large_pool(
    pools: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = select_from_shards(pools[4], "entropy", 40, class_balanced=0.5)
    for name, value in (("SMALL", 100), ("SAMPLE", 200), ("FETCHED", 100), ("WINDOW", 60)):
        monkeypatch.setattr(f"rayal.distributed.balance.{name}", value)
    for cut in (1, 16):
        fetched = select_from_shards(pools[cut], "entropy", 40, class_balanced=0.5)
        assert fetched.figures["bound"] == pytest.approx(whole.figures["bound"], abs=1e-9)
        assert fetched.figures["objective"] == pytest.approx(whole.figures["objective"], rel=1e-2)
        assert fetched.figures["bound"] <= fetched.figures["objective"]


def test_row_keys_are_those_of_the_positions() -> None:
    whole = row_keys(9, 0, 100)
    np.testing.assert_array_equal(np.concatenate([row_keys(9, 0, 30), row_keys(9, 30, 70)]), whole)
    np.testing.assert_array_equal(keys_at(9, np.array([5, 99, 0])), whole[[5, 99, 0]])
    assert len(np.unique(whole)) == 100
    uniforms = row_uniforms(2**63 - 1, 0, 20_000)
    assert uniforms.min() >= 0
    assert uniforms.max() < 1
    assert abs(uniforms.mean() - 0.5) < 0.02
    assert np.abs(np.corrcoef(uniforms[:-1], uniforms[1:])[0, 1]) < 0.03


def refused(match: str, pool: Path, *given: Any, **more: Any) -> None:
    with pytest.raises(ValueError, match=match):
        select_from_shards(pool, *given, **more)


def test_what_does_not_fit_is_refused(pools: dict[int, Path], tmp_path: Path) -> None:
    pool = pools[1]
    refused("'kmean' does not choose from shards, did you mean 'kmeans'", pool, "kmean")
    refused("has no parameter 'delt', did you mean 'delta'", pool, "probcover", delt=1)
    refused(r"delta=3 is out of bounds: 0 to 2", pool, "probcover", delta=3)
    refused("budget=1601 is out of bounds: 1 to 1,600", pool, "random", 1601)
    refused("1 of the labels' ids are not in .*such as 'no'", pool, labels={"no": 1})
    refused("the label 1.5 of 'row 3' is no class", pool, labels={"row 3": 1.5})
    refused("the label -2 of 'row 3' is no class", pool, labels={"row 3": -2})
    refused("is no class", pool, labels={"row 3": 2**70})
    refused("labels go up to class 4, and the shards have 4", pool, labels={"row 1": 4})
    refused("takes 728.1 MiB beside the rows themselves, and 512.0 MiB", pool, memory=2**29)
    with pytest.raises(StoreError, match=r"no shards\.json"):
        select_from_shards(tmp_path)


@pytest.mark.parametrize("value", ["abc", math.nan, math.inf, [1], True, np.True_, 10**400, "1e-3"])
def test_parameters_that_are_no_finite_numbers_are_refused(
    pools: dict[int, Path], value: object
) -> None:
    refused(
        "'probcover': delta=.* is no finite number, from 0 to 2", pools[1], "probcover", delta=value
    )
    refused(
        "'margin': class_balanced=.* is no finite number", pools[1], "margin", class_balanced=value
    )


def test_none_is_a_value_where_it_says_something(pools: dict[int, Path]) -> None:
    refused("delta=None is no finite number.*left out it is 0.5", pools[1], "probcover", delta=None)
    plain = select_from_shards(pools[1], "margin", 5)
    assert select_from_shards(pools[1], "margin", 5, class_balanced=None).ids == plain.ids
    assert select_from_shards(pools[1], "probcover", 5, delta=np.float32(0.5)).figures["levels"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budget": 2.5}, r"budget must be a whole number; got 2.5 \(float\)"),
        ({"budget": True}, "budget must be a whole number"),
        ({"seed": -1}, "seed=-1 is out of bounds: 0 up"),
        ({"seed": 0.5}, "seed must be a whole number"),
        ({"memory": "4GiB"}, r"memory must be a number of bytes, such as 4 \* 2\*\*30; got '4GiB'"),
        ({"memory": math.nan}, "memory must be a number of bytes"),
        ({"memory": 2**31, "address": "auto"}, "memory bounds this process, and address gives"),
        ({"workers": 3}, "workers=3 is of a Ray cluster: give its"),
        ({"workers": 0, "address": "auto"}, "workers=0 is out of bounds: 1 up"),
        ({"labels": ["row 3"]}, "labels must be a mapping"),
        ({"labels": {3: 0, "x": 1}}, "labels: 3 is no id: ids of shards are text, such as '3'"),
        ({"labels": {"row 3": True}}, "the label True of 'row 3' is no class"),
        ({"labels": dict.fromkeys(IDS, 0)}, "nothing is left to label: 1,600 labels are given"),
        ({"strategy": ["kmeans"]}, "does not choose from shards"),
    ],
)
def test_what_is_no_request_is_refused_in_one_way(
    pools: dict[int, Path], given: dict[str, Any], message: str
) -> None:
    refused(message, pools[1], **given)


def test_a_budget_too_large_for_coverage_of_many_rows_is_known_before_they_are_there() -> None:
    for name in ("facility_location", "probcover"):
        STRATEGIES[name].check(8192, 8192)
        STRATEGIES[name].check(10**6, 4096)
        with pytest.raises(ValueError, match="a budget of 4,097 is too large for coverage"):
            STRATEGIES[name].check(8193, 4097)
    STRATEGIES["kmeans"].check(10**6, 10**5)


def test_memory_just_too_small_is_told_apart_from_what_is_needed(pools: dict[int, Path]) -> None:
    needed = (600 + 128) * 2**20 + 20 * N
    assert select_from_shards(pools[1], "kmeans", 2, memory=needed).ids
    refused(r"takes 728.1 MiB .* and 728.0 MiB are allowed", pools[1], memory=needed - 1)


def test_a_class_balance_is_bounded_and_not_called_exact(pools: dict[int, Path]) -> None:
    chosen = select_from_shards(pools[1], "margin", 5, class_balanced=1.0)
    assert not chosen.exact
    assert "gap: how far from the best" in chosen.promise


def test_strategies_say_what_they_promise(pools: dict[int, Path]) -> None:
    @cache
    def asked(name: str) -> ShardSelection:
        return select_from_shards(pools[4], name, 20)

    exact = {name for name in STRATEGIES if asked(name).exact}
    assert exact == {"random", "scores", "entropy", "margin", "least_confidence", "k_center"}
    assert asked("facility_location").figures.keys() == {"value", "levels", "bound"}
    assert asked("kmeans").figures["inertia"] > 0


def test_balls_that_hold_their_centers_alone_are_warned_of(pools: dict[int, Path]) -> None:
    with pytest.warns(UserWarning, match="the 5 balls hold 5 rows, their own centers"):
        select_from_shards(pools[4], "probcover", 5, delta=1e-4)


@pytest.mark.filterwarnings("error")
def test_balls_that_hold_others_are_not(pools: dict[int, Path]) -> None:
    select_from_shards(pools[4], "probcover", 5, delta=1.0)
    select_from_shards(pools[4], "probcover", 5, labels=LABELS, delta=1e-4)


def test_an_id_in_two_shards_does_not_hide_one_that_is_in_none(tmp_path: Path) -> None:
    rows = np.eye(4, dtype=np.float32)
    parts = Batch(["a", "b"], rows[:2]), Batch(["a", "c"], rows[2:])
    written = [write_shard(tmp_path, number, part) for number, part in enumerate(parts)]
    write_manifest(tmp_path, written, {})
    with pytest.raises(ValueError, match=r"1 of the labels' ids are not in .*such as 'gone'"):
        select_from_shards(tmp_path, "random", 1, labels={"a": 0, "gone": 1})
    with pytest.raises(ValueError, match=r"1 of the labels' ids stand in several rows .*'a'"):
        select_from_shards(tmp_path, "random", 1, labels={"a": 0})
    with pytest.raises(ValueError, match=r"'a' stands in .* rows, in shard-00000 and shard-00001;"):
        select_from_shards(tmp_path, "random", 4)


def test_shards_that_are_not_as_their_manifest_says_are_refused(tmp_path: Path) -> None:
    write_pool(tmp_path, 2)
    manifest = tmp_path / "shards.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "dims": content["dims"] + 1}))
    with pytest.raises(StoreError, match=r"has the shape \(800, 8\), .* said to have \(800, 9\)"):
        select_from_shards(tmp_path, "k_center", 3)
