import numpy as np
import pytest

import analysis
from analysis import comparisons, savings, tables
from analysis.statistics import correlation as correlations
from analysis.study.study import read_study
from tests.analysis.made_up_runs import CLASSES, POOL, RunBuilder, component


@pytest.fixture(scope="module")
def single(single_query):
    return read_study(single_query)


@pytest.fixture(scope="module")
def several(cycles):
    return read_study(cycles)


@pytest.fixture
def known(tmp_path):
    """Random with seeds 0 to 3, hacon with seeds 0 to 2, at 20 and 40 images; known AUCs."""
    run = RunBuilder(tmp_path)
    for budget, random, hacon in ((20, 0.6, 0.7), (40, 0.8, 0.85)):
        for seed in range(4):
            run.done(run.trial(component("random"), seed, [budget]), [random + seed / 100])
        for seed in range(3):
            gain = (0.01, 0.02, 0.03)[seed] if budget == 20 else 0
            run.done(run.trial(component("hacon"), seed, [budget]), [hacon + seed / 100 + gain])
    return read_study(run.write())


def test_summary_agrees_with_a_plain_count_over_the_records(single):
    found = tables.summary(single)
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
    found = tables.summary(single)
    cell = found[(found["strategy"] == "kmeans") & (found["labelled"] == 20)].iloc[0]
    assert [cell[name] for name in tables.ACCOUNT] == [5, 3, 1, 1]
    assert found["planned"].sum() == 59


def test_a_planned_cell_without_a_record_stays_in_the_summary(tmp_path):
    run = RunBuilder(tmp_path)
    run.trial(component("random"), 0, [20, 30])
    found = tables.summary(read_study(run.write()))
    assert found["labelled"].tolist() == [20, 30]
    assert found["missing"].tolist() == [1, 1]
    assert found["auc_mean"].isna().all()


def test_terminal_and_page_show_the_same_numbers(single_query, single):
    rows = analysis.summary_rows(analysis.load(single_query))
    page = tables.summary(single)
    both = rows.merge(page, on=tables.CELL, suffixes=("", "_page"))
    assert len(both) == len(rows) == 12
    for name in ("auc_mean", "auc_std", "coverage_mean", "done"):
        np.testing.assert_array_equal(both[name], both[f"{name}_page"])


def test_class_distribution_is_of_the_labelled_images_beside_the_pool(single):
    found = tables.class_distribution(single)
    cell = found[(found["selection"] == "kmeans") & (found["labelled"] == 50)]
    frame = single.rounds
    counts = frame[(frame["strategy"] == "kmeans") & (frame["labelled"] == 50)]["class_counts"]
    np.testing.assert_allclose(cell["images"], np.mean(counts.to_list(), axis=0))
    np.testing.assert_allclose(cell["share"].sum(), 1)
    assert cell["class"].tolist() == list(CLASSES)
    np.testing.assert_allclose(cell["pool_share"], np.array(POOL) / sum(POOL))


def test_the_first_query_of_cycles_is_counted_once_a_seed(several):
    found = tables.class_distribution(several)
    first = found[found["round"] == 0]
    assert set(first["selection"]) == {"random", "hacon", "kmeans"}
    assert (first["trials"] == 4).all()
    assert "hacon, then margin" in set(found.loc[found["round"] == 3, "selection"])


def test_against_random_pairs_shared_seeds_only(known):
    found = comparisons.against_random(known)
    auc = found[found["metric"] == "auc"].set_index("labelled")
    assert auc["n"].tolist() == [3, 3]
    assert auc["n_random"].tolist() == [4, 4]
    assert auc["strategy"].tolist() == ["hacon", "hacon"]
    assert auc.loc[20, "mean"] == pytest.approx(0.12)
    assert auc.loc[20, "std"] == pytest.approx(0.01)
    half = 4.302652729911275 * 0.01 / np.sqrt(3)  # Student's t, two degrees of freedom
    assert auc.loc[20, "low"] == pytest.approx(0.12 - half)
    assert auc.loc[20, "random_mean"] == pytest.approx(0.61)


def test_cycles_are_compared_by_query_and_by_initial_strategy(several):
    found = comparisons.against_random(several)
    by_query = found[found["varied"] == "query strategy"]
    assert set(by_query["strategy"]) == {"entropy", "margin"}
    assert set(by_query["initial"]) == {"random", "hacon", "kmeans"}
    assert set(by_query["round"]) == {1, 2, 3}
    by_initial = found[found["varied"] == "initial strategy"]
    assert set(by_initial["initial"]) == {"hacon", "kmeans"}
    assert set(by_initial["round"]) == {0, 1, 2, 3}
    assert (found["n"] == 4).all()


def test_a_difference_in_cycles_holds_the_other_strategy_fixed(several):
    found = comparisons.against_random(several)
    row = found[
        (found["varied"] == "query strategy") & (found["metric"] == "auc")
        & (found["initial"] == "hacon") & (found["strategy"] == "margin")
        & (found["labelled"] == 50)
    ].iloc[0]  # fmt: skip
    frame = several.rounds[
        (several.rounds["initial"] == "hacon") & (several.rounds["labelled"] == 50)
    ].pivot_table(index="seed", columns="strategy", values="auc")
    assert row["mean"] == pytest.approx((frame["margin"] - frame["random"]).mean())


def test_annotation_saved_reads_the_mean_curves(known):
    found = savings.annotation_saved(known, tables.summary(known))
    last = found[found["labelled"] == 40].iloc[0]
    # Random has .815 with 40; hacon's mean goes from .73 with 20 to .86 with 40.
    assert last["random_auc"] == pytest.approx(0.815)
    assert last["images_needed"] == pytest.approx(20 + 20 * (0.815 - 0.73) / (0.86 - 0.73))
    assert last["saved"] == pytest.approx(1 - last["images_needed"] / 40)
    assert not last["at_least"]


def test_annotation_saved_says_when_the_smallest_budget_is_enough_already(known):
    found = savings.annotation_saved(known, tables.summary(known))
    first = found[found["labelled"] == 20].iloc[0]
    assert (first["saved"], first["at_least"]) == (0, True)


def test_aubc_is_of_seeds_that_have_every_budget(known):
    found = comparisons.aubc(known).set_index("strategy")
    assert found["n"].to_dict() == {"random": 4, "hacon": 3}
    areas = [(0.7 + s / 100 + (s + 1) / 100 + 0.85 + s / 100) / 2 for s in range(3)]
    assert found.loc["hacon", "aubc_mean"] == pytest.approx(np.mean(areas))
    random = [(0.6 + s / 100 + 0.8 + s / 100) / 2 for s in range(3)]
    difference = np.mean(np.subtract(areas, random))
    assert found.loc["hacon", "difference"] == pytest.approx(difference)
    assert found.loc["hacon", "n_pairs"] == 3


def test_correlation_is_of_first_and_last_auc_by_query_strategy(several):
    found = tables.correlation(tables.first_last(several)).set_index("strategy")
    assert found.index.tolist() == ["random", "entropy", "margin"]
    frame = several.rounds[several.rounds["strategy"] == "margin"]
    ends = frame.pivot_table(index="trial", columns="labelled", values="auc")
    assert found.loc["margin", "n"] == 12
    assert found.loc["margin", "r"] == pytest.approx(correlations.pearson(ends[20], ends[50]).r)


def test_failures_name_the_error_and_the_log(single):
    found = tables.failures(single)
    assert found["error"].tolist() == ["RuntimeError: out of <memory>"]
    log = single.run.root / found["log"].iloc[0]
    assert log.is_file()


def test_the_plain_random_is_the_one_compared_with(tmp_path):
    run = RunBuilder(tmp_path)
    for cover in (True, False):
        run.done(run.trial(component("random", cover_classes=cover), 0, [20]))
    assert read_study(run.write()).baseline == "random cover_classes=no"


def test_without_random_there_is_nothing_against_it(tmp_path):
    run = RunBuilder(tmp_path)
    run.done(run.trial(component("hacon"), 0, [20]))
    study = read_study(run.write())
    assert study.baseline == ""
    assert comparisons.against_random(study).empty
    assert savings.annotation_saved(study, tables.summary(study)).empty


def test_a_switch_at_its_default_is_left_out_of_the_name(tmp_path):
    run = RunBuilder(tmp_path)
    plain = component("entropy", label_balanced=False, class_balanced=None)
    plain["at_default"] = ["label_balanced", "class_balanced"]
    balanced = component("entropy", label_balanced=False, class_balanced={"lambda": 1})
    balanced["at_default"] = ["label_balanced"]
    truth = component("entropy", label_balanced=True, class_balanced=None)
    truth["at_default"] = ["class_balanced"]
    for strategy in (plain, balanced, truth):
        run.done(run.trial(strategy, 0, [20]))
    frame = analysis.load(run.write())
    assert set(frame["strategy_label"]) == {
        "entropy", "entropy class_balanced.lambda=1", "entropy label_balanced=yes"
    }  # fmt: skip


def test_labels_leave_out_what_stands_at_its_default_unless_one_number_alone_varies(tmp_path):
    def hacon(k, tau):
        default = [n for n, stands in (("k", k == 30), ("tau", tau == 0.05)) if stands]
        return {**component("hacon", k=k, tau=tau), "at_default": default}

    def labels(folder, *strategies):
        run = RunBuilder(tmp_path / folder)
        for strategy in strategies:
            run.done(run.trial(strategy, 0, [20]))
        return set(analysis.load(run.write())["strategy_label"])

    both = labels("both", hacon(30, 0.05), hacon(20, 0.05), hacon(30, 1.0))
    assert both == {"hacon", "hacon k=20", "hacon tau=1"}
    assert labels("one", hacon(30, 0.05), hacon(20, 0.05)) == {"hacon k=30", "hacon k=20"}


def test_encoders_of_different_datasets_need_not_be_told_apart(tmp_path):
    run = RunBuilder(tmp_path)
    for dataset, epochs in (("blood", 40), ("digits", 30), ("path", 10), ("path", 20)):
        encoder = component("moco", epochs=epochs)
        run.done(run.trial(component("random"), 0, [20], dataset=dataset, encoder=encoder))
    frame = analysis.load(run.write())
    assert sorted(zip(frame["dataset"], frame["encoder_label"], strict=True)) == [
        ("blood", "moco"), ("digits", "moco"),
        ("path", "moco epochs=10"), ("path", "moco epochs=20"),
    ]  # fmt: skip
