import math

import numpy as np
import pytest
import scipy.stats

from analysis.sections.papers.agreement import agreements
from analysis.sections.papers.compare import COLUMNS, paper_tables
from analysis.sections.papers.match import is_named
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component

SCRATCH = component("scratch", prototypes=False, pseudo_labels=None)


def study_of(run):
    return read_study(run.write())


def done(run, strategy, seed, schedule, **measured):
    """A finished trial of which these measures have these values, round by round."""
    others = {k: measured.pop(k) for k in ("dataset", "initial", "learner", "encoder")
              if k in measured}  # fmt: skip
    trial = run.done(run.trial(strategy, seed, schedule, **others))
    for name, values in measured.items():
        for record, value in zip(run.records[trial]["rounds"], values, strict=True):
            record[name] = value
    return trial


def test_a_measured_cell_stands_beside_the_printed_value(tmp_path):
    run = RunBuilder(tmp_path)
    values = [0.94, 0.95, 0.96]
    for seed, auc in enumerate(values):
        done(run, component("random"), seed, [59], dataset="bloodmnist", learner=SCRATCH, auc=[auc])
    found = paper_tables(study_of(run))["hacon_table1"]
    assert list(found.columns) == COLUMNS
    row = found.iloc[0]
    assert len(found) == 1
    assert (row["printed_row"], row["printed_mean"], row["printed_std"]) == ("Random", 93.2, 1.5)
    assert row["mean"] == pytest.approx(95)
    assert row["difference"] == pytest.approx(1.8)
    half = scipy.stats.t.isf(0.025, 99) * 1.5 / 10
    assert row["printed_low"] == pytest.approx(93.2 - half)
    welch = scipy.stats.ttest_ind_from_stats(95, 1, 3, 93.2, 1.5, 100, equal_var=False)
    assert row["difference_low"] < 1.8 < row["difference_high"]
    assert (row["difference_low"] > 0) == (welch.pvalue < 0.05)
    # 93.2 is in [92.5, 97.5], and 95 is not in [92.9, 93.5].
    assert row["within_both"] == "no"


def test_close_means_lie_within_both_intervals(tmp_path):
    run = RunBuilder(tmp_path)
    for seed, auc in enumerate([0.92, 0.931, 0.945]):
        done(run, component("random"), seed, [59], dataset="bloodmnist", learner=SCRATCH, auc=[auc])
    assert paper_tables(study_of(run))["hacon_table1"]["within_both"].tolist() == ["yes"]


def test_intervals_are_over_choices_and_means_over_trials_as_in_print(tmp_path):
    """Seeds of a strategy that draws nothing differ by the learner alone."""
    run = RunBuilder(tmp_path)
    choices = {0: [1, 2], 1: [1, 2], 2: [3, 4], 3: [4, 3]}
    for seed, images in choices.items():
        trial = done(
            run, component("random"), seed, [59], dataset="bloodmnist", learner=SCRATCH,
            auc=[0.94 + seed / 100],
        )  # fmt: skip
        run.records[trial]["rounds"][0]["selected"] = images
    row = paper_tables(study_of(run))["hacon_table1"].iloc[0]
    assert (row["n"], row["choices"]) == (4, 2)
    assert row["mean"] == pytest.approx(95.5)
    assert row["std"] == pytest.approx(np.std([94, 95, 96, 97], ddof=1))
    spread = np.std([94.5, 96.5], ddof=1)
    ours, theirs = spread**2 / 2, 1.5**2 / 100
    freedom = (ours + theirs) ** 2 / (ours**2 / 1 + theirs**2 / 99)
    half = scipy.stats.t.isf(0.025, freedom) * np.sqrt(ours + theirs)
    assert row["difference"] == pytest.approx(95.5 - 93.2)
    assert row["difference_low"] == pytest.approx(95.5 - 93.2 - half)
    assert row["difference_high"] == pytest.approx(95.5 - 93.2 + half)


def test_of_one_choice_there_is_no_interval(tmp_path):
    run = RunBuilder(tmp_path)
    for seed in range(3):
        trial = done(
            run, component("random"), seed, [59], dataset="bloodmnist", learner=SCRATCH,
            auc=[0.94 + seed / 100],
        )  # fmt: skip
        run.records[trial]["rounds"][0]["selected"] = [1, 2]
    row = paper_tables(study_of(run))["hacon_table1"].iloc[0]
    assert (row["n"], row["choices"], row["within_both"]) == (3, 1, "")
    assert np.isnan([row["low"], row["high"], row["difference_low"], row["difference_high"]]).all()


def test_without_a_printed_spread_there_is_no_verdict(tmp_path):
    run = RunBuilder(tmp_path)
    hacon = component("hacon", k=30, order="hard_to_contrast", cluster="features")
    for seed in range(3):
        done(run, hacon, seed, [11], dataset="bloodmnist", coverage=[1.0])
    row = paper_tables(study_of(run))["hacon_table6"].iloc[0]
    assert (row["printed_row"], row["mean"], row["printed_mean"]) == ("Ours", 1.0, 1.0)
    assert (row["within_both"], row["difference"]) == ("", 0)
    assert math.isnan(row["printed_low"])


def test_another_learner_stands_beside_the_print_and_says_so(tmp_path):
    run = RunBuilder(tmp_path)
    done(run, component("random"), 0, [59], dataset="bloodmnist")
    row = paper_tables(study_of(run))["hacon_table1"].iloc[0]
    assert row["departs"] == "learner linear, in print scratch"


def test_a_run_that_fits_no_print_has_no_such_table(single_query, cycles):
    assert paper_tables(read_study(single_query)) == {}
    assert paper_tables(read_study(cycles)) == {}


def test_linear_and_nearest_neighbor_rows_are_apart(tmp_path):
    run = RunBuilder(tmp_path)
    for learner in ("linear", "knn"):
        done(run, component("kmeans"), 0, [20], dataset="cifar10", learner=component(learner),
             accuracy=[0.3], coverage=[0.9])  # fmt: skip
    made = paper_tables(study_of(run))
    first = made["lowbudget_table1"].set_index("learner")
    assert first["printed_row"].to_dict() == {"linear": "K-means, LIN", "knn": "K-means, NN"}
    assert first["printed_mean"].to_dict() == {"linear": 33.3, "knn": 33.4}
    assert set(made) == {"lowbudget_table1", "lowbudget_table2"}


def test_a_query_strategy_counts_after_the_printed_start_alone(tmp_path):
    run = RunBuilder(tmp_path)
    for start in ("random", "kmeans"):
        done(run, component("entropy"), 0, [10, 20, 50], dataset="cifar10",
             initial=component(start), accuracy=[0.2, 0.3, 0.4])  # fmt: skip
    found = paper_tables(study_of(run))["lowbudget_table1"]
    assert found["initial"].unique().tolist() == ["random"]
    assert found["labelled"].tolist() == [10, 20, 50]
    np.testing.assert_allclose(found["difference"], [20 - 21.6, 30 - 26.4, 40 - 34.5])


def test_a_planned_cell_without_a_trial_is_shown_empty(tmp_path):
    run = RunBuilder(tmp_path)
    run.failed(run.trial(component("kmeans"), 0, [20], dataset="cifar10"))
    row = paper_tables(study_of(run))["lowbudget_table1"].iloc[0]
    assert (row["n"], row["printed_mean"], row["labelled"]) == (0, 33.3, 20)
    assert math.isnan(row["mean"])


def test_a_planned_gain_without_a_trial_is_shown_empty(tmp_path):
    run = RunBuilder(tmp_path)
    run.trial(component("entropy", class_balanced={"lambda": 1}), 0, [100, 150, 200],
              dataset="cifar100-step0.3-aside0.1", initial=component("set_aside"),
              learner=SCRATCH)  # fmt: skip
    found = paper_tables(study_of(run))["cbal_table2"]
    assert found["round"].tolist() == [1, 2]
    assert (found["n"] == 0).all()


def test_a_strategy_that_starts_from_more_images_is_another_table_s(tmp_path):
    run = RunBuilder(tmp_path)
    done(run, component("entropy"), 0, [20, 50], dataset="cifar10",
         initial=component("random"))  # fmt: skip
    assert paper_tables(study_of(run)) == {}


def test_of_two_counts_that_a_value_may_stand_for_the_larger_is_taken(tmp_path):
    run = RunBuilder(tmp_path)
    done(run, component("margin"), 0, [500, 10000, 10500], dataset="mnist",
         initial=component("random"), learner=SCRATCH, accuracy=[0.8, 0.9, 0.95])  # fmt: skip
    found = paper_tables(study_of(run))["msal_table2"]
    assert found["labelled"].tolist() == [10500, 10500]


def test_a_sweep_written_for_a_table_has_that_table_alone(tmp_path):
    for name, expected in (
        ("lowbudget_initial_pool", {"lowbudget_table11"}),
        ("mine", {"lowbudget_table5", "lowbudget_table6"}),
    ):
        run = RunBuilder(tmp_path / name)
        run.about = {**run.about, "name": name}
        done(run, component("kmeans"), 0, [26000], dataset="imagenet", accuracy=[0.5])
        done(run, component("kmeans"), 0, [1000], dataset="imagenet", accuracy=[0.5])
        assert set(paper_tables(study_of(run))) == expected


def test_gains_of_class_balancing_are_paired_by_seed_and_cycle(tmp_path):
    run = RunBuilder(tmp_path)
    schedule = [100, 150, 200, 250, 300]
    where = {"dataset": "cifar10-step0.1", "initial": component("set_aside"), "learner": SCRATCH}
    plain, balanced = (
        component("entropy", class_balanced=value) for value in (None, {"lambda": 1})
    )
    for seed in range(3):
        base = 0.5 + seed / 10 + np.arange(5) / 100
        done(run, plain, seed, schedule, accuracy=base, **where)
        gain = np.arange(5) / 1000 * (seed + 1)
        done(run, balanced, seed, schedule, accuracy=base + gain, **where)
    done(run, plain, 3, schedule, accuracy=np.ones(5), **where)  # has no partner
    found = paper_tables(study_of(run))["cbal_table1"]
    assert found["round"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(found["mean"], [0.2, 0.4, 0.6, 0.8])
    np.testing.assert_allclose(found["printed_mean"], [0.54, 0.86, 0.57, 0.27])
    assert (found["n"] == 3).all()


def test_areas_are_of_accuracy_at_the_printed_budget(tmp_path):
    run = RunBuilder(tmp_path)
    for seed in range(2):
        done(run, component("entropy"), seed, [500, 5250, 10000], dataset="mnist",
             initial=component("random"), learner=SCRATCH, accuracy=[0.9, 0.96, 0.98])  # fmt: skip
    found = paper_tables(study_of(run))["msal_table2"].set_index("metric")
    assert found.loc["accuracy_aubc", "mean"] == pytest.approx((0.93 + 0.97) / 2)
    assert found.loc["accuracy", "mean"] == pytest.approx(0.98)
    assert set(found["printed_row"]) == {"Unc Entropy"}


def test_a_shorter_curve_is_not_set_beside_the_printed_area(tmp_path):
    run = RunBuilder(tmp_path)
    done(run, component("entropy"), 0, [500, 5000], dataset="mnist",
         initial=component("random"), learner=SCRATCH)  # fmt: skip
    assert paper_tables(study_of(run)) == {}


def test_prototypes_make_another_row(tmp_path):
    run = RunBuilder(tmp_path)
    learner = component("scratch", prototypes=True, pseudo_labels=None)
    done(run, component("entropy"), 0, [500, 10000], dataset="mnist",
         initial=component("random"), learner=learner)  # fmt: skip
    found = paper_tables(study_of(run))
    assert set(found) == {"msal_table3"}
    assert set(found["msal_table3"]["printed_row"]) == {"Entropy(MSAL)"}


def test_an_ablation_s_table_needs_the_sweep_of_its_name(tmp_path):
    for name, expected in (("lowbudget_backbones", True), ("other", False)):
        run = RunBuilder(tmp_path / name)
        run.about = {**run.about, "name": name}
        encoder = component("checkpoint", weights="there/moco_v2.pth", backbone="resnet50")
        done(run, component("kmeans"), 0, [1000], dataset="imagenet", encoder=encoder)
        assert ("lowbudget_table14" in paper_tables(study_of(run))) == expected


@pytest.mark.parametrize(
    ("label", "params", "fits"),
    [
        ("entropy", {}, True),
        ("entropy", {"label_balanced": False, "class_balanced": None}, True),
        ("entropy", {"label_balanced": True}, False),
        ("entropy label_balanced=yes", {"label_balanced": True}, True),
        ("entropy label_balanced=yes", {}, False),
        ("entropy class_balanced", {"class_balanced": {"lambda": 0.5}}, True),
        ("entropy class_balanced", {"diverse": {"beta": 10}}, False),
        ("entropy passes=10", {"passes": 20}, False),
        ("entropy", {"passes": 20}, True),
        ("margin|entropy", {}, True),
        ("margin", {}, False),
    ],
)
def test_a_label_names_what_is_switched_on_and_all_else_is_off(label, params, fits):
    assert is_named(label, component("entropy", **params)) == fits


def test_the_verdict_of_a_papers_sweep_says_how_far_it_agrees_and_links_to_the_table(tmp_path):
    def said(name):
        run = RunBuilder(tmp_path / name)
        run.about = {**run.about, "name": name}
        for seed, auc in enumerate([0.92, 0.931, 0.945]):
            done(run, component("random"), seed, [59], dataset="bloodmnist", learner=SCRATCH,
                 auc=[auc])  # fmt: skip
        run.trial(component("uniform"), 0, [59], dataset="bloodmnist", learner=SCRATCH)
        study = study_of(run)
        return list(agreements(study, paper_tables(study)))

    [sentence] = said("hacon_table1")
    assert sentence.startswith('Beside the print: <a href="#papers">HaCon, Table 1: AUC')
    assert ": 1 of 2 printed values measured here" in sentence
    assert "in 1 of 1 each mean lies in the other's interval" in sentence.unescape()
    assert said("mine") == []


def test_a_printed_value_that_two_learners_were_held_to_counts_once(tmp_path):
    run = RunBuilder(tmp_path)
    run.about = {**run.about, "name": "hacon_table1"}
    for learner in (SCRATCH, component("logistic")):
        for seed in range(3):
            done(run, component("random"), seed, [59], dataset="bloodmnist", learner=learner)
    [sentence] = agreements(study := study_of(run), paper_tables(study))
    assert ": 1 of 1 printed value measured here in 2 settings" in sentence
