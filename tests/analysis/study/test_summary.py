import numpy as np
import pytest

import analysis
from analysis.study.grouping import GROUP_KEYS
from analysis.study.study import read_study
from analysis.study.summary import ACCOUNT, summary
from tests.analysis.made_up_runs import RunBuilder, component, run_with_one_choice


@pytest.fixture(scope="module")
def single(single_query):
    return read_study(single_query)


def test_summary_agrees_with_a_plain_count_over_the_records(single):
    found = summary(single)
    frame = single.rounds
    assert len(found) == 4 * 3
    for row in found.to_dict("records"):
        here = frame[
            (frame["strategy_label"] == row["strategy"]) & (frame["labelled"] == row["labelled"])
        ]
        assert row["done"] == row["n"] == len(here) > 0
        assert row["auc_mean"] == pytest.approx(np.mean(here["auc"]))
        assert row["auc_std"] == pytest.approx(np.std(here["auc"], ddof=1))
        assert row["coverage_mean"] == pytest.approx(np.mean(here["coverage"]))
        assert row["auc_low"] <= row["auc_mean"] <= row["auc_high"]


def test_summary_accounts_for_the_failed_and_the_missing(single):
    found = summary(single)
    cell = found[(found["strategy"] == "kmeans") & (found["labelled"] == 20)].iloc[0]
    assert [cell[name] for name in ACCOUNT] == [5, 3, 1, 1]
    assert found["planned"].sum() == 59


def test_a_planned_cell_without_a_record_stays_in_the_summary(tmp_path):
    run = RunBuilder(tmp_path)
    run.trial(component("random"), 0, [20, 30])
    found = summary(read_study(run.write()))
    assert found["labelled"].tolist() == [20, 30]
    assert found["missing"].tolist() == [1, 1]
    assert found["auc_mean"].isna().all()


def test_terminal_and_page_show_the_same_numbers(single_query, single):
    rows = analysis.summary_rows(analysis.load(single_query))
    page = summary(single)
    both = rows.merge(page, on=GROUP_KEYS, suffixes=("", "_page"))
    assert len(both) == len(rows) == 12
    for name in ("auc_mean", "auc_std", "coverage_mean", "done"):
        np.testing.assert_array_equal(both[name], both[f"{name}_page"])


def test_the_spread_of_a_learner_is_no_interval_of_a_strategy(tmp_path):
    found = summary(read_study(run_with_one_choice(tmp_path).write())).set_index("strategy")
    assert found.loc["maxherding", "n"] == 5
    assert found.loc["maxherding", "auc_std"] > 0
    assert np.isnan(found.loc["maxherding", "auc_low"])
    assert found.loc["random", "auc_low"] < found.loc["random", "auc_mean"]
