import numpy as np
import pytest

from analysis.report import make_report
from analysis.sections.base import settings
from analysis.sections.versus_random.areas import aubc
from analysis.sections.versus_random.differences import against_random, against_table, power
from analysis.sections.versus_random.savings import annotation_saved, savings_sentences
from analysis.statistics import paired_tests
from analysis.study.study import read_study
from analysis.study.summary import summary
from tests.analysis.made_up_runs import RunBuilder, component, run_with_one_choice, study_of_levels

pytestmark = pytest.mark.slow


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


def test_against_random_pairs_shared_seeds_only(known):
    found = against_random(known)
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
    found = against_random(several)
    by_query = found[found["varied"] == "query strategy"]
    assert set(by_query["strategy"]) == {"entropy", "margin"}
    assert set(by_query["initial"]) == {"random", "hacon", "kmeans"}
    assert set(by_query["round"]) == {1, 2, 3}
    by_initial = found[found["varied"] == "initial strategy"]
    assert set(by_initial["initial"]) == {"hacon", "kmeans"}
    assert set(by_initial["round"]) == {0, 1, 2, 3}
    assert (found["n"] == 4).all()


def test_a_difference_in_cycles_holds_the_other_strategy_fixed(several):
    found = against_random(several)
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
    found = annotation_saved(known, summary(known))
    last = found[found["labelled"] == 40].iloc[0]
    # Random has .815 with 40; hacon's mean goes from .73 with 20 to .86 with 40.
    assert last["random_auc"] == pytest.approx(0.815)
    assert last["images_needed"] == pytest.approx(20 + 20 * (0.815 - 0.73) / (0.86 - 0.73))
    assert last["saved"] == pytest.approx(1 - last["images_needed"] / 40)
    assert not last["at_least"]


def test_annotation_saved_says_when_the_smallest_budget_is_enough_already(known):
    found = annotation_saved(known, summary(known))
    first = found[found["labelled"] == 20].iloc[0]
    assert (first["saved"], first["at_least"]) == (0, True)


def test_aubc_is_of_seeds_that_have_every_budget(known):
    found = aubc(known).set_index("strategy")
    assert found["n"].to_dict() == {"random": 4, "hacon": 3}
    areas = [(0.7 + s / 100 + (s + 1) / 100 + 0.85 + s / 100) / 2 for s in range(3)]
    assert found.loc["hacon", "aubc_mean"] == pytest.approx(np.mean(areas))
    random = [(0.6 + s / 100 + 0.8 + s / 100) / 2 for s in range(3)]
    difference = np.mean(np.subtract(areas, random))
    assert found.loc["hacon", "difference"] == pytest.approx(difference)
    assert found.loc["hacon", "n_pairs"] == 3


def test_without_random_there_is_nothing_against_it(tmp_path):
    run = RunBuilder(tmp_path)
    run.done(run.trial(component("hacon"), 0, [20]))
    study = read_study(run.write())
    assert study.baseline == ""
    assert against_random(study).empty
    assert annotation_saved(study, summary(study)).empty


def test_random_is_compared_with_tests_corrected_over_the_family(single_query):
    found = against_random(read_study(single_query))
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
    unequal = against_random(read_study(single_query))
    assert set(unequal["seeds"]) == {"3 shared of 3 and random's 10"}
    assert set(against_random(read_study(cycles))["seeds"]) == {"the same"}


def test_power_says_what_the_seeds_can_show(tmp_path):
    against = against_random(study_of_levels(tmp_path, datasets=("a",)))
    found = power(against)
    row = found[found["metric"] == "auc"].iloc[0]
    assert paired_tests.power(5, row["detectable"] / row["std"]) == pytest.approx(0.8)
    assert row["seeds_for_0.01"] == paired_tests.seeds_needed(0.01, row["std"])


def test_labels_saved_have_an_interval_around_them(tmp_path):
    study = study_of_levels(tmp_path, datasets=("a",), budgets=(20, 60, 150))
    found = annotation_saved(study, summary(study))
    last = found[(found["labelled"] == 150) & (found["strategy"] == "kmeans")].iloc[0]
    assert last["saved_low"] <= last["saved"] <= last["saved_high"]
    assert last["saved_low"] < last["saved_high"]
    assert last["not_reached"] == 0


def test_one_choice_is_one_however_many_seeds_it_has(tmp_path):
    found = against_random(read_study(run_with_one_choice(tmp_path).write()))
    row = found[found["metric"] == "auc"].iloc[0]
    assert (row["n_own"], row["choices"], row["n"]) == (5, 1, 1)
    tests = ["p_student", "p_permutation", "p_wilcoxon", "p_welch", "holm_student", "holm_welch"]
    assert row[[*tests, "low", "all_low", "effect"]].isna().all()


def test_one_choice_has_a_place_among_the_draws_of_random(tmp_path):
    found = against_random(read_study(run_with_one_choice(tmp_path).write()))
    row = found[found["metric"] == "auc"].iloc[0]
    assert (row["below"], row["draws"]) == (18, 20)
    shown = against_table(found)
    assert shown.header[-1] == "one choice: above so many of random's"
    assert shown.rows[0][-1].text == "18 of 20"


def test_strategies_that_draw_have_no_column_for_one_choice(single_query):
    shown = against_table(against_random(read_study(single_query)))
    assert shown.header[-1] == "p, Holm"


def test_equal_choices_count_once_in_areas_and_savings(tmp_path):
    run = RunBuilder(tmp_path)
    for seed in range(4):
        for budget, level in ((20, 0.6), (40, 0.8)):
            run.done(run.trial(component("random"), seed, [budget]), [level + seed / 100])
            trial = run.done(run.trial(component("k"), seed, [budget]), [level + 0.1 + seed / 999])
            run.records[trial]["rounds"][0]["selected"] = list(range(budget))
    study = read_study(run.write())
    area = aubc(study).set_index("strategy").loc["k"]
    assert (area["n"], area["n_pairs"]) == (4, 1)
    assert np.isnan(area["low"])
    saved = annotation_saved(study, summary(study))
    assert saved["saved"].notna().any()
    assert saved["saved_low"].isna().all()


def test_areas_are_compared_over_the_same_budgets(tmp_path):
    """Random also has 50 images, where its AUC is high; kmeans is .01 above it at 20 and 30."""
    run = RunBuilder(tmp_path)
    for seed in range(4):
        for budget, value in ((20, 0.6), (30, 0.75), (50, 0.9)):
            run.done(run.trial(component("random"), seed, [budget]), [value + seed / 100])
        for budget, value in ((20, 0.61), (30, 0.76 + seed / 1000)):
            run.done(run.trial(component("kmeans"), seed, [budget]), [value + seed / 100])
        for budget, value in ((20, 0.6), (70, 0.95)):
            run.done(run.trial(component("hacon"), seed, [budget]), [value + seed / 100])
    areas = aubc(read_study(run.write())).set_index("strategy")
    assert areas.loc["random", ["first", "last"]].tolist() == [20, 50]
    assert areas.loc["kmeans", ["first", "last", "n_pairs"]].tolist() == [20, 30, 4]
    assert areas.loc["kmeans", "difference"] == pytest.approx(0.01 + 0.0015 / 2)
    assert areas.loc["hacon", "n_pairs"] == 0  # random was not measured with 70
    assert np.isnan(areas.loc["hacon", "difference"])


def test_with_one_number_of_labels_nothing_is_said_of_labels_saved(tmp_path):
    run = RunBuilder(tmp_path)
    for name, level in (("random", 0.6), ("kmeans", 0.8)):
        for seed in range(3):
            run.done(run.trial(component(name), seed, [20]), [level + seed / 100])
    [setting] = settings(make_report(read_study(run.write())))
    assert list(savings_sentences(setting)) == []


def saved_in_words(run):
    [setting] = settings(make_report(read_study(run.write())))
    [sentence] = savings_sentences(setting)
    return sentence.text


def test_who_saved_as_many_labels_is_named_too_and_random_where_it_did_itself(tmp_path):
    run = RunBuilder(tmp_path / "flat")
    for budget in (10, 20):
        for name in ("random", "kmeans", "hacon"):
            for seed in range(6):
                run.done(run.trial(component(name), seed, [budget]), [0.7])
    text = saved_in_words(run)
    assert text.startswith("kmeans needed 10 labels")
    assert text.endswith("; as many as hacon; random itself had as much with 10.")
    rising = RunBuilder(tmp_path / "rising")
    for budget in (10, 20):
        for name, value in (("random", 0.6), ("kmeans", 0.7)):
            for seed in range(6):
                run_value = value + budget / 100 + seed / 1000
                rising.done(rising.trial(component(name), seed, [budget]), [run_value])
    assert "as m" not in saved_in_words(rising)


def test_as_many_labels_are_saved_by_those_that_were_compared_with_the_same_alone(tmp_path):
    """Kmeans starts above random's last mean; its later queries have starts of their own beside."""
    run = RunBuilder(tmp_path)
    last = {"random": {"random": 0.8, "margin": 0.8}, "kmeans": {"random": 0.97, "margin": 0.94}}
    for initial, first in (("random", 0.5), ("kmeans", 0.9)):
        for later, value in last[initial].items():
            for seed in range(6):
                trial = run.trial(component(later), seed, [10, 20], initial=component(initial))
                run.done(trial, [first + seed / 1000, value + seed / 1000])
    text = saved_in_words(run)
    assert "kmeans, then random needed at most 10 labels" in text
    assert "that random, then random had with 20" in text
    assert "as many as" not in text  # kmeans, then margin is beside random, then margin
