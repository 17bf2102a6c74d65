import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from analysis.report import make_report, page_of
from analysis.sections import all_tables, trainings
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component

pytestmark = pytest.mark.slow

# Every training has a level of its own, by far more apart than its trials are.
LEVELS = {0: 0.70, 1: 0.80, 2: 0.75}
GAINS = {0: 0.02, 1: 0.01, 2: 0.03}


def study_of(root, *, levels=LEVELS, seeds=4, epochs=(40,)):
    run = RunBuilder(root)
    rng = np.random.default_rng(0)
    for number, level in levels.items():
        for length in epochs:
            encoder = component("moco", epochs=length, seed=number)
            for seed in range(seeds):
                noise = rng.normal(0, 0.001)
                for name, gain in (("random", 0.0), ("hacon", GAINS[number])):
                    if name == "random" or seed < 2:
                        trial = run.trial(component(name), seed, [20], encoder=encoder)
                        run.done(trial, [level + gain + noise])
    return read_study(run.write())


def rows_of(study):
    return trainings.over_trainings(study).set_index("strategy")


def test_a_training_counts_once_however_many_trials_it_has(tmp_path):
    study = study_of(tmp_path)
    found = rows_of(study)
    rounds = study.rounds[study.rounds["strategy"] == "random"]
    each = rounds.groupby("encoder.seed")["auc"].mean()
    row = found.loc["random"]
    assert (row["n"], row["trials"]) == (3, 12)
    assert row["auc_mean"] == pytest.approx(each.mean())
    low, high = scipy_stats.t.interval(0.95, 2, each.mean(), scipy_stats.sem(each))
    assert (row["auc_low"], row["auc_high"]) == pytest.approx((low, high))


def test_the_difference_is_paired_by_training(tmp_path):
    study = study_of(tmp_path)
    by = study.rounds.groupby(["strategy", "encoder.seed"])["auc"].mean()
    expected = scipy_stats.ttest_rel(by["hacon"], by["random"])
    row = rows_of(study).loc["hacon"]
    assert row["auc_difference"] == pytest.approx((by["hacon"] - by["random"]).mean())
    assert row["auc_p"] == pytest.approx(expected.pvalue)
    assert (row["auc_above"], row["auc_pairs"]) == (3, 3)


def test_a_training_whose_mean_equals_random_s_but_for_rounding_is_not_above_it(tmp_path):
    run = RunBuilder(tmp_path)
    for number in (0, 1):
        encoder = component("moco", seed=number)
        for name, values in (("random", [0.1, 0.2, 0.3]), ("hacon", [0.3, 0.2, 0.1])):
            for seed, value in enumerate(values):
                run.done(run.trial(component(name), seed, [20], encoder=encoder), [value])
    row = rows_of(read_study(run.write())).loc["hacon"]
    assert (row["auc_above"], row["auc_pairs"]) == (0, 2)


def test_random_is_not_compared_with_itself(tmp_path):
    row = rows_of(study_of(tmp_path)).loc["random"]
    assert math.isnan(row["auc_difference"])


def test_encoders_that_differ_in_more_than_the_training_stay_apart(tmp_path):
    found = trainings.over_trainings(study_of(tmp_path, epochs=(40, 80)))
    assert sorted(found["encoder"].unique()) == ["moco epochs=40", "moco epochs=80"]
    assert (found["n"] == 3).all()


def test_the_number_of_a_training_is_no_parameter_to_compare(tmp_path):
    study = study_of(tmp_path, epochs=(40, 80))
    found = all_tables(study)["ablations"]
    assert found["parameter"].unique().tolist() == ["epochs"]


def test_one_training_has_no_row(tmp_path):
    study = study_of(tmp_path, levels={1: 0.8})
    assert trainings.over_trainings(study).empty
    assert "Over trainings" not in page_of(make_report(study))


def test_the_page_has_a_table_and_a_figure_of_it(tmp_path):
    study = study_of(tmp_path)
    made = make_report(study)
    drawn = [figure.name for figure in made.figures if figure.kind == "trainings"]
    assert drawn == ["trainings-blood-moco"]
    page = page_of(made)
    assert "Over trainings of an encoder" in page
    assert "3 of 3" in page


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("moco seed=3", "moco"),
        ("moco epochs=10 seed=12 tau=0.1", "moco epochs=10 tau=0.1"),
        ("moco", "moco"),
    ],
)
def test_a_label_loses_the_number_of_its_training(label, expected):
    assert trainings.without_seed(label) == expected
