import pytest

from analysis.sections.first_last import correlation, first_last
from analysis.statistics.correlation import pearson, spearman
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component


@pytest.fixture(scope="module")
def several(cycles):
    return read_study(cycles)


def test_correlation_is_of_first_and_last_auc_by_query_strategy(several):
    found = correlation(first_last(several)).set_index("strategy")
    assert found.index.tolist() == ["random", "entropy", "margin"]
    frame = several.rounds[several.rounds["strategy"] == "margin"]
    ends = frame.pivot_table(index="trial", columns="labelled", values="auc")
    assert found.loc["margin", "n"] == 12
    assert found.loc["margin", "r"] == pytest.approx(pearson(ends[20], ends[50]).r)


def test_ranks_of_correlation_stand_beside_pearson_s(cycles):
    ends = first_last(read_study(cycles))
    row = correlation(ends).iloc[0]
    here = ends[ends["strategy"] == row["strategy"]]
    assert row["rank_r"] == spearman(here["auc_first"], here["auc_last"]).r


def test_trials_of_the_same_choices_are_one_pair(tmp_path):
    run = RunBuilder(tmp_path)
    for seed in range(6):
        trial = run.done(run.trial(component("margin"), seed, [20, 30], initial=component("k")))
        for measured in run.records[trial]["rounds"]:
            measured["selected"] = list(range(measured["budget"] + 100 * min(seed, 3)))
    found = correlation(first_last(read_study(run.write())))
    assert found["n"].tolist() == [4]
