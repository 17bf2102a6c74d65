import math

import numpy as np
import pytest

from analysis import comparisons, savings, standings, tables
from analysis.statistics import correlation as correlations
from analysis.statistics import paired_tests
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component

LEVELS = {"random": 0.70, "kmeans": 0.75, "hacon": 0.80}


def study_of(root, *, datasets=("a", "b", "c"), budgets=(20, 40), without=()):
    """Hacon above kmeans above random on every dataset, by far more than the seeds vary."""
    rng = np.random.default_rng(0)
    run = RunBuilder(root)
    for dataset in datasets:
        for budget in budgets:
            for name, level in LEVELS.items():
                if (dataset, name) in without:
                    continue
                for seed in range(5):
                    trial = run.trial(component(name), seed, [budget], dataset=dataset)
                    run.done(trial, [level + budget / 1000 + rng.normal(0, 0.005)])
    return read_study(run.write())


def test_ranks_are_over_datasets_best_first(tmp_path):
    found = standings.ranks(study_of(tmp_path))
    assert found["way"].tolist() == ["hacon", "kmeans", "random"]
    assert found["mean_rank"].tolist() == [1, 2, 3]
    assert (found["blocks"] == 3).all()
    assert found["critical_difference"].iloc[0] == pytest.approx(2.343 * math.sqrt(2 / 3), 1e-3)
    assert found["alike"].tolist() == ["a", "ab", "b"]


def test_a_strategy_that_a_dataset_lacks_is_named_and_not_ranked(tmp_path):
    found = standings.ranks(study_of(tmp_path, without={("b", "kmeans")}))
    row = found[found["way"] == "kmeans"].iloc[0]
    assert math.isnan(row["mean_rank"])
    assert row["left_out"] == "b, moco, linear"
    assert found["mean_rank"].dropna().tolist() == [1, 2]


def test_ranks_of_one_dataset_have_no_test(tmp_path):
    found = standings.ranks(study_of(tmp_path, datasets=("a",)))
    assert found["p"].isna().all()
    assert (found["alike"] == "").all()


def test_the_overall_mean_is_over_datasets_with_an_interval(tmp_path):
    study = study_of(tmp_path, budgets=(20,))
    found = standings.overall(study).set_index("way")
    by_dataset = study.rounds[study.rounds["strategy"] == "hacon"].groupby("dataset")["auc"].mean()
    assert found.loc["hacon", "mean"] == pytest.approx(by_dataset.mean())
    assert found.loc["hacon", "low"] < by_dataset.mean() < found.loc["hacon", "high"]


def test_the_way_of_the_row_wins_over_its_rival(tmp_path):
    found = standings.win_tie_loss(study_of(tmp_path)).set_index(["way", "rival"])
    best = found.loc[("hacon", "random")]
    assert [best[name] for name in ("wins", "ties", "losses", "cells")] == [6, 0, 0, 6]
    worst = found.loc[("random", "hacon")]
    assert [worst[name] for name in ("wins", "ties", "losses")] == [0, 0, 6]


def test_ways_of_cycles_name_both_queries(cycles):
    found = standings.win_tie_loss(read_study(cycles))
    assert len(found) == 9 * 8
    assert "hacon, then margin" in set(found["way"])
    assert (found["cells"] == 4).all()


def test_random_is_compared_with_tests_corrected_over_the_family(single_query):
    found = comparisons.against_random(read_study(single_query))
    auc = found[found["metric"] == "auc"]
    assert (auc["comparisons"] == 9).all()
    np.testing.assert_allclose(auc["holm_student"], paired_tests.holm(auc["p_student"]))
    frame = read_study(single_query).rounds
    here = frame[frame["labelled"] == 30].pivot_table(
        index="seed", columns="strategy_label", values="auc"
    )
    row = auc[(auc["strategy"] == "kmeans") & (auc["labelled"] == 30)].iloc[0]
    differences = here["kmeans"] - here["random"]
    assert row["p_permutation"] == pytest.approx(paired_tests.sign_flip_p(differences))
    assert row["effect"] == pytest.approx(paired_tests.effect_size(differences))


def test_a_comparison_on_unequal_seeds_says_so(single_query, cycles):
    unequal = comparisons.against_random(read_study(single_query))
    assert set(unequal["seeds"]) == {"3 shared of 3 and random's 10"}
    assert set(comparisons.against_random(read_study(cycles))["seeds"]) == {"the same"}


def test_power_says_what_the_seeds_can_show(tmp_path):
    against = comparisons.against_random(study_of(tmp_path, datasets=("a",)))
    found = comparisons.power(against)
    row = found[found["metric"] == "auc"].iloc[0]
    assert paired_tests.power(5, row["detectable"] / row["std"]) == pytest.approx(0.8)
    assert row["seeds_for_0.01"] == paired_tests.seeds_needed(0.01, row["std"])


def test_labels_saved_have_an_interval_around_them(tmp_path):
    study = study_of(tmp_path, datasets=("a",), budgets=(20, 60, 200))
    found = savings.annotation_saved(study, tables.summary(study))
    last = found[(found["labelled"] == 200) & (found["strategy"] == "kmeans")].iloc[0]
    assert last["saved_low"] <= last["saved"] <= last["saved_high"]
    assert last["saved_low"] < last["saved_high"]
    assert last["not_reached"] == 0


def test_ranks_of_correlation_stand_beside_pearson_s(cycles):
    first_last = tables.first_last(read_study(cycles))
    row = tables.correlation(first_last).iloc[0]
    here = first_last[first_last["strategy"] == row["strategy"]]
    assert row["rank_r"] == correlations.spearman(here["auc_first"], here["auc_last"]).r
