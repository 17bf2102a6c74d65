import pandas as pd
import pytest

from analysis.sections import all_tables
from analysis.sections.papers_in_text import COLUMNS, MEASURE, NAMES, printed_numbers, tables
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component

# The tables of earlier sections that numbers of other papers are read from.
EMPTY = {
    "correlation_of_means": pd.DataFrame(columns=["dataset", "strategy", "labelled_last"]),
    "against_random": pd.DataFrame(
        columns=["dataset", "strategy", "metric", "rounds", "labelled"], dtype=object
    ),
    "annotation_saved": pd.DataFrame(
        columns=["dataset", "encoder", "learner", "strategy", "rounds", "labelled"], dtype=object
    ),
}


def test_every_printed_number_can_be_measured():
    numbers = printed_numbers()
    assert {number["quantity"] for number in numbers} == set(MEASURE) == set(NAMES)
    assert [n["printed"] for n in numbers if n["quantity"] == "pearson_r"] == [
        "0.92", "0.81", "0.70", "0.82", "0.85",
    ]  # fmt: skip
    assert [n["printed"] for n in numbers if n["quantity"] == "labels_saved"] == ["61", "21", "52"]


@pytest.mark.slow
def test_r_over_initial_strategies_stands_beside_the_printed(cycles):
    tables = all_tables(read_study(cycles))
    found = tables["papers_in_text"]
    assert list(found.columns) == COLUMNS
    r = found[found["quantity"] == "pearson_r"].set_index("strategy")
    assert r["printed"].to_dict() == {"random": "0.92", "entropy": "0.81", "margin": "0.70"}
    expected = tables["correlation_of_means"].set_index("strategy")
    assert r["measured"].to_dict() == expected["r"].to_dict()
    assert set(r["n"]) == {3}


@pytest.mark.slow
def test_a_gain_is_in_points_at_the_printed_number_of_labels(tmp_path):
    run = RunBuilder(tmp_path)
    for seed in range(3):
        for strategy, auc in (("random", 0.80), ("hacon", 0.85)):
            for labels in (11, 23):
                made = run.trial(component(strategy), seed, [labels], dataset="bloodmnist")
                run.done(made, [auc + 0.01 * seed])
    found = all_tables(read_study(run.write()))["papers_in_text"]
    gain = found[found["quantity"] == "auc_gain"]
    assert len(gain) == 1
    assert gain["labelled"].tolist() == [11]
    assert gain["measured"].iloc[0] == pytest.approx(5)
    assert gain["printed"].tolist() == ["5.2"]
    saved = found[found["quantity"] == "labels_saved"]
    assert saved["labelled"].tolist() == [23]
    assert saved["measured"].iloc[0] == pytest.approx(100 * 12 / 23)
    assert saved["over"].tolist() == ["mean curves, at least"]  # above with the fewest labels


def test_missed_classes_are_those_of_random_over_the_strategys_own(tmp_path):
    run = RunBuilder(tmp_path)
    covered = {"random": (0.90, 0.94), "kmeans": (0.97, 0.99), "margin": (1.0, 1.0)}
    for strategy, coverages in covered.items():
        for seed, coverage in enumerate(coverages):
            for labels in (1000, 3000):
                made = run.trial(component(strategy), seed, [labels], dataset="imagenet")
                run.records[run.done(made)]["rounds"][0]["coverage"] = coverage
    found = tables(read_study(run.write()), EMPTY)["papers_in_text"]
    assert found["quantity"].tolist() == ["missed_ratio"]
    assert found["labelled"].tolist() == [3000]
    assert found["measured"].iloc[0] == pytest.approx(0.08 / 0.02)
    assert found["printed"].tolist() == ["almost 4"]


def test_a_strategy_that_misses_no_class_has_no_ratio(tmp_path):
    run = RunBuilder(tmp_path)
    for strategy, coverage in (("random", 0.9), ("kmeans", 1.0)):
        made = run.trial(component(strategy), 0, [3000], dataset="imagenet")
        run.records[run.done(made)]["rounds"][0]["coverage"] = coverage
    assert tables(read_study(run.write()), EMPTY) == {}


@pytest.mark.slow
def test_the_time_of_msal_d_is_beyond_that_of_entropy_whatever_the_learner(tmp_path):
    run = RunBuilder(tmp_path)
    learners = {"entropy": component("scratch", prototypes=False),
                "msal_d": component("scratch", prototypes=True)}  # fmt: skip
    for name, learner in learners.items():
        trial = run.trial(
            component(name), 0, [20, 30], initial=component("random"), learner=learner
        )
        for measured in run.records[run.done(trial)]["rounds"]:
            measured |= {"select_seconds": 1.0 if name == "entropy" else 1.8, "train_seconds": 9.0}
    found = all_tables(read_study(run.write()))["papers_in_text"]
    time = found[found["quantity"] == "more_time"]
    assert time["measured"].iloc[0] == pytest.approx(8)
    assert time["printed"].tolist() == ["6-10"]
