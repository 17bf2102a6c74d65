import pandas as pd
import pytest
import scipy.stats

from analysis.sections.base import Report, Setting
from analysis.sections.first_last import (
    INITIALS,
    TRIALS,
    content,
    correlation,
    first_last,
    initial_means,
    sentences,
    tables,
)
from analysis.statistics.correlation import pearson, spearman
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component


@pytest.fixture(scope="module")
def several(cycles):
    return read_study(cycles)


def over_trials(ends: pd.DataFrame) -> pd.DataFrame:
    found = correlation(ends)
    return found[found["over"] == TRIALS]


def test_a_point_is_the_mean_of_an_initial_strategys_trials(several):
    ends = first_last(several)
    found = correlation(ends)
    row = found[(found["over"] == INITIALS) & (found["strategy"] == "margin")].iloc[0]
    here = ends[ends["strategy"] == "margin"]
    points = [
        (part["auc_first"].sum() / len(part), part["auc_last"].sum() / len(part))
        for _, part in here.groupby("initial")
    ]
    twin = scipy.stats.pearsonr(*zip(*points, strict=True))
    assert row["n"] == here["initial"].nunique() == len(points)
    assert row["r"] == pytest.approx(twin.statistic)
    assert row["p"] == pytest.approx(twin.pvalue)


def test_a_trial_without_its_last_auc_is_in_neither_mean(several):
    ends = first_last(several)
    gone = ends.index[ends["strategy"] == "margin"][0]
    initial = ends.loc[gone, "initial"]
    rest = ends.drop(index=gone)
    ends.loc[gone, "auc_last"] = float("nan")
    means, expected = (
        initial_means(frame[frame["strategy"] == "margin"]).set_index("initial").loc[initial]
        for frame in (ends, rest)
    )
    assert means.tolist() == expected.tolist()


def test_correlation_is_of_first_and_last_auc_by_query_strategy(several):
    found = over_trials(first_last(several)).set_index("strategy")
    assert found.index.tolist() == ["random", "entropy", "margin"]
    frame = several.rounds[several.rounds["strategy"] == "margin"]
    ends = frame.pivot_table(index="trial", columns="labelled", values="auc")
    assert found.loc["margin", "n"] == 12
    assert found.loc["margin", "r"] == pytest.approx(pearson(ends[20], ends[50]).r)


def test_ranks_of_correlation_stand_beside_pearson_s(cycles):
    ends = first_last(read_study(cycles))
    row = over_trials(ends).iloc[0]
    here = ends[ends["strategy"] == row["strategy"]]
    assert row["rank_r"] == spearman(here["auc_first"], here["auc_last"]).r


def test_trials_of_the_same_choices_are_one_pair(tmp_path):
    run = RunBuilder(tmp_path)
    for seed in range(6):
        trial = run.done(run.trial(component("margin"), seed, [20, 30], initial=component("k")))
        for measured in run.records[trial]["rounds"]:
            measured["selected"] = list(range(measured["budget"] + 100 * min(seed, 3)))
    found = over_trials(first_last(read_study(run.write())))
    assert found["n"].tolist() == [4]


def test_nothing_is_said_of_what_cannot_be_correlated(tmp_path):
    run = RunBuilder(tmp_path)
    for initial in ("random", "hacon"):
        for query in ("random", "entropy"):
            for seed in range(2):
                named = {"initial": component(initial)}
                run.done(run.trial(component(query), seed, [20, 30], **named))
    study = read_study(run.write())
    report = Report(study, tables(study, {}), ())
    assert not list(sentences(Setting("blood", study.distinct_rounds, report, brief=False)))
    assert not list(content(report))
