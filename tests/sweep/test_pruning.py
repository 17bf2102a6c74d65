"""What `prune` compares, and what it says of it."""

from pathlib import Path
from typing import Any

import pytest

from rayal.sweep.errors import SweepError
from rayal.sweep.pruning import Family, family_of, in_words
from tests.sweep.small_sweeps import CYCLES, plan_of

MANY = {"budgets": [10], "seeds": 20, "prune": "paired"}


def family(folder: Path, **changes: Any) -> Family:
    found = family_of(plan_of(folder, **{**MANY, **changes}))
    assert found is not None
    return found


def names(found: Family) -> set[str]:
    return {trial.strategy.name for one in found.comparisons for trial in one.strategy.values()}


def test_each_strategy_is_compared_with_random_in_each_cell(tmp_path: Path) -> None:
    found = family(
        tmp_path, strategies=["random", "kmeans", "k_center"], budgets=[10, 20],
        learners=["linear", "knn"], encoders=["pixels", "random"],
    )  # fmt: skip
    assert len(found.comparisons) == 2 * 2 * 2 * 2
    for one in found.comparisons:
        for seed in one.seeds:
            strategy, random = one.strategy[seed], one.random[seed]
            assert random.strategy.name == "random"
            for same in ("embedding_id", "learner", "schedule", "seed"):
                assert getattr(strategy, same) == getattr(random, same)
    assert found.needed == pytest.approx(16 / 0.05)


def test_in_cycles_a_strategy_is_compared_after_the_same_start(tmp_path: Path) -> None:
    found = family(tmp_path, **{**CYCLES, "initial": ["random", "kmeans"]},
                   strategies=["random", "margin"])  # fmt: skip
    assert [
        (one.strategy[0].initial.name, one.random[0].initial.name) for one in found.comparisons
    ] == [("random", "random"), ("kmeans", "kmeans")]
    assert names(found) == {"margin"}


def test_random_selection_and_bounds_are_never_stopped(tmp_path: Path) -> None:
    variants = [{"name": "random", "stratify": 5}, {"name": "random", "label_balanced": True}]
    found = family(tmp_path, strategies=["random", "uniform", "kmeans", *variants])
    assert names(found) == {"kmeans"}
    [one] = found.comparisons
    assert not one.random[0].strategy.params.get("stratify")


def test_a_comparison_of_few_seeds_is_none_of_the_family(tmp_path: Path) -> None:
    few = family(tmp_path, strategies=["random", "kmeans", "k_center"],
                 seeds={"kmeans": 8, "default": 20})  # fmt: skip
    assert names(few) == {"k_center"}
    assert few.needed == pytest.approx(1 / 0.05)
    lower = family(tmp_path, seeds=8, prune={"min_pairs": 5, "level": 0.01})
    assert (lower.min_pairs, lower.level, lower.fewest) == (5, 0.01, 8)


def test_pruning_without_random_selection_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="add random to the strategies, or take prune out"):
        family(tmp_path, strategies=["kmeans"])
    with pytest.raises(SweepError, match="add random to the strategies"):
        family(tmp_path, strategies=["random", "uniform"])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("pared", "prune: 'pared' is refused: write paired, or a mapping of level and min_pairs"),
        (True, "prune: True is refused: write paired"),
        ({"level": 0}, "prune.level: 0 is refused: input should be greater than 0"),
        ({"level": 0.6}, "prune.level: 0.6 is refused: input should be less than or equal to 0.5"),
        ({"min_pairs": 1}, "prune.min_pairs: 1 is refused: input should be greater than or equal"),
        ({"levle": 0.1}, "unknown key 'prune.levle', did you mean 'level'?"),
    ],
)
def test_what_prune_does_not_take_is_refused_with_the_way_out(
    tmp_path: Path, written: Any, said: str
) -> None:
    with pytest.raises(SweepError) as refused:
        plan_of(tmp_path, prune=written)
    assert said in str(refused.value)


def test_ids_do_not_depend_on_pruning(tmp_path: Path) -> None:
    plain, pruned = plan_of(tmp_path), plan_of(tmp_path, prune={"level": 0.01})
    assert [t.id for t in plain.trials] == [t.id for t in pruned.trials]
    assert family_of(plain) is None


def test_what_pruning_may_spare_is_said(tmp_path: Path) -> None:
    assert in_words(family(tmp_path), 40) == (
        "prune: may stop a strategy where it loses to random in pairs of the same seed: 1 "
        "comparison of a strategy in a cell, level 0.05 over all of them, after 8 pairs at the "
        "soonest; spares at most 12 of 40 trials"
    )
    assert "nothing can be stopped" in in_words(family(tmp_path, seeds=8), 16)
    short = in_words(family(tmp_path, seeds=9, prune={"level": 0.001}), 18)
    assert "it takes 12 seeds" in short
    assert "the most here are 9" in short
