import math

import numpy as np
import pytest

from analysis.sections.rankings.mean_areas import overall
from analysis.sections.rankings.mean_ranks import ranks
from analysis.sections.rankings.wins import win_tie_loss
from analysis.study.study import read_study
from tests.analysis.made_up_runs import (
    RunBuilder,
    component,
    run_with_one_choice,
    study_of_levels,
)


def test_ranks_are_over_datasets_best_first(tmp_path):
    found = ranks(study_of_levels(tmp_path))
    assert found["way"].tolist() == ["hacon", "kmeans", "random"]
    assert found["mean_rank"].tolist() == [1, 2, 3]
    assert (found["blocks"] == 3).all()
    assert found["critical_difference"].iloc[0] == pytest.approx(2.343 * math.sqrt(2 / 3), 1e-3)
    assert found["alike"].tolist() == ["a", "ab", "b"]


def test_a_strategy_that_a_dataset_lacks_is_named_and_not_ranked(tmp_path):
    found = ranks(study_of_levels(tmp_path, without={("b", "kmeans")}))
    row = found[found["way"] == "kmeans"].iloc[0]
    assert math.isnan(row["mean_rank"])
    assert row["left_out"] == "b, moco, linear"
    assert found["mean_rank"].dropna().tolist() == [1, 2]


def test_ranks_of_one_dataset_have_no_test(tmp_path):
    found = ranks(study_of_levels(tmp_path, datasets=("a",)))
    assert found["p"].isna().all()
    assert (found["alike"] == "").all()


def test_the_overall_mean_is_over_datasets_with_an_interval(tmp_path):
    study = study_of_levels(tmp_path, budgets=(20,))
    found = overall(study).set_index("way")
    by_dataset = study.rounds[study.rounds["strategy"] == "hacon"].groupby("dataset")["auc"].mean()
    assert found.loc["hacon", "mean"] == pytest.approx(by_dataset.mean())
    assert found.loc["hacon", "low"] < by_dataset.mean() < found.loc["hacon", "high"]


def test_the_overall_interval_is_around_the_mean_where_one_choice_was_made_more_often(tmp_path):
    run = RunBuilder(tmp_path)
    values = [0.9] * 40 + [0.5 + 0.001 * k for k in range(11)]
    for name in ("random", "kmeans"):
        for seed, value in enumerate(values):
            trial = run.done(run.trial(component(name), seed, [20]), [value])
            images = list(range(20)) if value == 0.9 else list(range(seed, seed + 20))
            run.records[trial]["rounds"][0]["selected"] = images
    row = overall(read_study(run.write())).set_index("way").loc["kmeans"]
    assert row["mean"] == pytest.approx(np.mean(values))
    assert (row["low"] + row["high"]) / 2 == pytest.approx(row["mean"])


def test_full_labels_of_random_alone_leave_the_other_selections_in_ranks_and_areas(tmp_path):
    run = RunBuilder(tmp_path)
    for name in ("random", "kmeans"):
        for budget, value in ((20, 0.6), (40, 0.8)):
            for seed in range(3):
                run.done(run.trial(component(name), seed, [budget]), [value])
    run.done(run.trial(component("random"), 0, [1000]), [0.99])
    study = read_study(run.write())
    assert overall(study).set_index("way")["mean"].to_dict() == pytest.approx(
        {"random": 0.7, "kmeans": 0.7}
    )
    assert ranks(study).set_index("way")["mean_rank"].to_dict() == {"random": 1.5, "kmeans": 1.5}


def test_the_way_of_the_row_wins_over_its_rival(tmp_path):
    found = win_tie_loss(study_of_levels(tmp_path)).set_index(["way", "rival"])
    best = found.loc[("hacon", "random")]
    assert [best[name] for name in ("wins", "ties", "losses", "cells")] == [6, 0, 0, 6]
    worst = found.loc[("random", "hacon")]
    assert [worst[name] for name in ("wins", "ties", "losses")] == [0, 0, 6]


def test_ways_of_cycles_name_both_queries(cycles):
    found = win_tie_loss(read_study(cycles))
    assert len(found) == 9 * 8
    assert "hacon, then margin" in set(found["way"])
    assert (found["cells"] == 4).all()


def test_a_selection_of_one_choice_beats_nobody_and_has_no_interval(tmp_path):
    study = read_study(run_with_one_choice(tmp_path).write())
    row = win_tie_loss(study).set_index("way").loc["maxherding"]
    assert [row[name] for name in ("wins", "ties", "losses", "untested")] == [0, 0, 0, 1]
    assert math.isnan(overall(study).set_index("way").loc["maxherding", "low"])


def test_strategies_that_read_true_labels_are_not_ranked_and_beat_nobody(tmp_path):
    run = RunBuilder(tmp_path)
    bound = {**component("uniform"), "oracle": True}
    levels = ((component("random"), 0.6), (component("kmeans"), 0.7), (bound, 0.9))
    for dataset in ("a", "b"):
        for strategy, level in levels:
            for seed in range(4):
                value = level + 0.001 * seed**2 * len(strategy["name"])
                run.done(run.trial(strategy, seed, [20], dataset=dataset), [value])
    study = read_study(run.write())
    assert set(ranks(study)["way"]) == {"random", "kmeans"}
    assert set(win_tie_loss(study)["rival"]) == {"random", "kmeans"}
    assert "uniform" in set(overall(study)["way"])


def test_at_a_first_query_initial_strategies_meet_once(tmp_path):
    """Two first queries whose difference is significant alone, and not among six equal pairs."""
    run = RunBuilder(tmp_path)
    for later in ("random", "margin", "entropy"):
        for initial, lift in (("random", 0.0), ("kmeans", 0.02)):
            for seed in range(5):
                first = 0.7 + 0.01 * seed + lift * (1 + 0.7 * (-1) ** seed)
                trial = run.trial(component(later), seed, [10, 20], initial=component(initial))
                run.done(trial, [first, 0.9 + 0.001 * seed])
                images = [1000 * bool(lift) + 10 * seed + k for k in range(10)]
                run.records[trial]["rounds"][0]["selected"] = images
    wins = win_tie_loss(read_study(run.write())).set_index(["way", "rival"])["wins"]
    assert wins["kmeans, then margin", "random, then entropy"] == 1
    assert wins["kmeans, then margin", "kmeans, then entropy"] == 0
