import numpy as np
import pytest

from analysis.export import to_csv
from analysis.report import make_report, write
from analysis.sections.base import settings
from analysis.sections.findings import sentences
from analysis.sections.leaders import leaders
from analysis.sections.paper_tables import prints
from analysis.sections.verdict import verdict
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component, run_with_one_choice

pytestmark = pytest.mark.slow


def run_of(root, *, hacon_accuracy=0.8, budgets=(20, 40), seeds=5):
    """Hacon is far above random in AUC; its accuracy is given, that of random .8."""
    rng = np.random.default_rng(0)
    run = RunBuilder(root)
    for budget in budgets:
        for name, auc, accuracy in (("random", 0.7, 0.8), ("hacon", 0.9, hacon_accuracy)):
            for seed in range(seeds):
                trial = run.done(run.trial(component(name), seed, [budget]))
                measured = run.records[trial]["rounds"][0]
                noise = rng.normal(0, 0.005, 3)
                measured["auc"], measured["coverage"] = auc + noise[0], 1.0
                measured["accuracy"] = accuracy + noise[1]
                measured["mean_class_accuracy"] = accuracy + noise[2]
    return run


def told(run):
    [setting] = settings(make_report(read_study(run.write())))
    return [f"{found.lead} {found.text}" for found in (*verdict(setting), *sentences(setting))]


def test_measures_that_agree_are_said_to(tmp_path):
    first = told(run_of(tmp_path, hacon_accuracy=0.9))[0]
    assert first.startswith("Verdict: by AUC, hacon leads with 20 to 40 labels")
    assert "do not contradict it" in first


def test_a_leader_whose_accuracy_is_below_random_s_is_not_praised(tmp_path):
    first, *rest = told(run_of(tmp_path, hacon_accuracy=0.71))
    assert "the measures disagree at every number of labels: no strategy is best by all" in first
    assert len(rest) == 2
    for text in rest:
        assert "by accuracy random leads and hacon is 9 points below random" in text
        assert "by mean per-class accuracy random leads" in text


def test_the_budgets_at_which_measures_disagree_are_named(tmp_path):
    run = run_of(tmp_path, hacon_accuracy=0.9)
    for trial, definition in run.trials.items():
        if definition["schedule"] == [20] and definition["strategy"]["name"] == "hacon":
            run.records[trial]["rounds"][0]["accuracy"] = 0.6
    assert "the measures disagree with 20 labels" in told(run)[0]


def test_who_is_not_told_apart_is_named(tmp_path):
    run = run_of(tmp_path, hacon_accuracy=0.9, budgets=(20,))
    for seed in range(5):
        run.done(run.trial(component("kmeans"), seed, [20]), [0.89 + 0.02 * (seed % 2)])
    row = leaders(read_study(run.write())).query("measure == 'auc'").iloc[0]
    assert set(row["not_told_apart"]) == {"hacon" if row["leader"] == "kmeans" else "kmeans"}


def test_one_choice_is_not_told_apart_from_anybody(tmp_path):
    found = leaders(read_study(run_with_one_choice(tmp_path).write()))
    row = found[found["measure"] == "auc"].iloc[0]
    assert (row["leader"], row["not_told_apart"]) == ("maxherding", ("random",))


def test_beside_a_leader_of_one_choice_who_is_behind_another_is_not_unbeaten(tmp_path):
    run = run_of(tmp_path, hacon_accuracy=0.9, budgets=(20,))
    for seed in range(5):
        trial = run.done(run.trial(component("maxherding"), seed, [20]), [0.95])
        run.records[trial]["rounds"][0]["selected"] = list(range(20))
    row = leaders(read_study(run.write())).query("measure == 'auc'").iloc[0]
    assert row["leader"] == "maxherding"
    assert set(row["not_told_apart"]) == {"random", "hacon"}
    assert set(row["unbeaten"]) == {"maxherding", "hacon"}


def test_many_draws_of_random_are_all_used(tmp_path):
    run = run_of(tmp_path, hacon_accuracy=0.9, budgets=(20,), seeds=3)
    for seed in range(3, 30):
        run.done(run.trial(component("random"), seed, [20]), [0.7 + (seed % 5) / 1000])
    row = leaders(read_study(run.write())).query("measure == 'auc'").iloc[0]
    assert (row["leader"], row["not_told_apart"]) == ("hacon", ())


def test_an_oracle_leads_nowhere(tmp_path):
    run = run_of(tmp_path, budgets=(20,))
    for seed in range(5):
        run.done(run.trial({**component("uniform"), "oracle": True}, seed, [20]), [0.99])
    assert set(leaders(read_study(run.write()))["leader"]) <= {"hacon", "random"}


def test_the_verdict_is_the_first_word_of_the_page(tmp_path):
    page = write(run_of(tmp_path, hacon_accuracy=0.71).write()).read_text()
    assert page.index("<strong>Verdict:</strong>") < page.index("20 labeled images:")
    assert 'id="leaders"' in page


def test_failed_trials_are_marked_in_the_cell_with_the_worst_mean(tmp_path):
    run = run_of(tmp_path, budgets=(20,), seeds=3)
    for record in run.records.values():
        hacon = record["definition"]["strategy"]["name"] == "hacon"
        record["rounds"][0]["auc"] = 0.8 if hacon else 0.7
    run.failed(run.trial(component("hacon"), 9, [20]))
    page = write(run.write()).read_text()
    assert "0.800 ± 0.000 (1 failed: 0.600 at the worst)" in page
    assert "3 seeds (1 more failed)" in page


def test_one_training_of_an_encoder_is_named_as_the_caveat_it_is(tmp_path):
    once, several = run_of(tmp_path / "once"), RunBuilder(tmp_path / "several")
    once.mapped()
    assert (
        "One training stands behind all results of moco on blood" in write(once.write()).read_text()
    )
    for number in range(2):
        encoder = component("moco", seed=number)
        several.done(several.trial(component("random"), 0, [20], encoder=encoder))
    several.mapped()
    assert "One training stands behind" not in write(several.write()).read_text()


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 finished trial is"), (2, "2 finished trials are")]
)
def test_finished_trials_that_the_plan_leaves_out_are_counted(tmp_path, count, words):
    run = run_of(tmp_path, budgets=(20,))
    for seed in range(count):
        trial = run.done(run.trial(component("forgotten"), seed, [20]))
        del run.trials[trial]
    assert f"{words} left out of these findings" in write(run.write()).read_text()


def test_a_mean_over_easier_seeds_is_not_significantly_ahead(tmp_path):
    """On the seeds that both have kmeans is ahead; hacon has easier ones besides."""
    run = RunBuilder(tmp_path)
    for seed in range(20):
        value = 0.69 + 0.0011 * seed if seed < 5 else 0.95
        run.done(run.trial(component("hacon"), seed, [20]), [value])
        if seed < 5:
            run.done(run.trial(component("kmeans"), seed, [20]), [0.70 + 0.001 * seed])
            run.done(run.trial(component("random"), seed, [20]), [0.5 + 0.002 * seed**2])
    report = make_report(read_study(run.write()))
    pairs = report.tables["pairs"].set_index(["better", "other"])
    against = pairs.loc[("hacon", "kmeans")]
    assert against["difference"] < 0
    assert against["p_corrected"] < 0.05
    led = report.tables["leaders"].set_index("measure").loc["auc"]
    assert (led["leader"], led["not_told_apart"]) == ("hacon", ("kmeans",))
    [setting] = settings(report)
    [sentence] = verdict(setting)
    assert (
        "hacon leads with 20 labels, significantly ahead of random (not of kmeans)" in sentence.text
    )


def test_the_verdict_names_also_those_who_are_not_behind_at_some_numbers_of_labels(tmp_path):
    run = RunBuilder(tmp_path)
    for budget, typiclust in ((20, 0.6), (40, 0.798)):
        levels = {"random": 0.5, "hacon": 0.8, "kmeans": 0.799, "typiclust": typiclust}
        for number, (name, level) in enumerate(levels.items()):
            for seed in range(6):
                value = level + 0.004 * (-1) ** (seed >> (number % 3)) + seed / 1000
                run.done(run.trial(component(name), seed, [budget]), [value])
    [setting] = settings(make_report(read_study(run.write())))
    [sentence] = verdict(setting)
    assert (
        "hacon leads with 20 to 40 labels, significantly ahead of random (not of kmeans; "
        "at some of them not of typiclust)" in sentence.text
    )


def run_with_fewer_seeds_of_later_strategies(root):
    """Six seeds of each first query; margin and entropy go on from the first two of them."""
    run = RunBuilder(root)
    firsts = {
        "random": (0.7, 0.72, 0.5, 0.52, 0.54, 0.56),
        "kmeans": (0.6, 0.61, 0.8, 0.82, 0.84, 0.85),
    }
    for initial, values in firsts.items():
        for later, seeds in (("random", 6), ("margin", 2), ("entropy", 2)):
            for seed, first in enumerate(values[:seeds]):
                trial = run.trial(component(later), seed, [10, 20], initial=component(initial))
                run.done(trial, [first, 0.9 + seed / 1000])
                images = [1000 * (initial == "kmeans") + 10 * seed + k for k in range(10)]
                run.records[trial]["rounds"][0]["selected"] = images
    return run, {name: np.mean(values) for name, values in firsts.items()}


def test_the_mean_of_a_first_query_counts_each_seed_once(tmp_path):
    run, means = run_with_fewer_seeds_of_later_strategies(tmp_path)
    report = make_report(read_study(run.write()))
    led = report.tables["leaders"].query("measure == 'auc' and labelled == 10").iloc[0]
    assert (led["leader"], led["mean"]) == ("kmeans", pytest.approx(means["kmeans"]))
    assert led["against_random"] == pytest.approx(means["kmeans"] - means["random"])
    pair = report.tables["pairs"].query("labelled == 10").iloc[0]
    assert (pair["better_mean"], pair["other_mean"]) == (
        pytest.approx(means["kmeans"]), pytest.approx(means["random"]),
    )  # fmt: skip


def test_findings_tell_of_a_first_query_over_all_of_its_seeds(tmp_path):
    run, means = run_with_fewer_seeds_of_later_strategies(tmp_path)
    _, first, *_ = told(run)
    words = "kmeans as initial strategy had the highest mean AUC of the 2 compared:"
    assert f"{words} {means['kmeans']:.3f}" in first
    assert "6 seeds" in first


def test_equal_means_share_the_lead_whatever_the_last_digit(tmp_path):
    run = RunBuilder(tmp_path)
    values = {"random": [0.1, 0.11, 0.12], "kmeans": [0.9, 0.8, 0.7], "hacon": [0.7, 0.8, 0.9]}
    assert np.mean(values["kmeans"]) != np.mean(values["hacon"])  # by rounding
    for name, of_seeds in values.items():
        for seed, value in enumerate(of_seeds):
            run.done(run.trial(component(name), seed, [20]), [value])
    row = leaders(read_study(run.write())).query("measure == 'auc'").iloc[0]
    assert (row["leader"], row["as_high"]) == ("kmeans", ("hacon",))
    assert "kmeans and hacon lead with 20 labels, with the same mean" in told(run)[0]


def test_a_name_with_a_semicolon_is_not_cut(tmp_path):
    run = run_of(tmp_path, hacon_accuracy=0.9, budgets=(20,))
    for seed in range(5):
        run.done(run.trial(component("a; b"), seed, [20]), [0.89 + 0.02 * (seed % 2)])
    report = make_report(read_study(run.write()))
    row = report.tables["leaders"].query("measure == 'auc'").iloc[0]
    assert set(row["unbeaten"]) == {"hacon", "a; b"}
    csv = to_csv(report.tables["leaders"])
    assert '""a; b""' in csv  # in quotes, of which a cell's are doubled
    bold = {
        cells[0].text
        for table in prints(report.study, report.tables).values()
        for cells in table.rows
        if cells[2].bold
    }
    assert "a; b" in bold


def test_where_nobody_keeps_the_lead_it_is_said_who_beats_random(tmp_path):
    run = RunBuilder(tmp_path)
    for budget, best in ((10, "kmeans"), (20, "hacon"), (30, "kmeans"), (40, "hacon")):
        for name in ("random", "kmeans", "hacon"):
            for seed in range(6):
                value = 0.5 + 0.3 * (name != "random") + 0.1 * (name == best) + 0.001 * seed**2
                run.done(
                    run.trial(component(name), seed, [budget]),
                    [value + 0.002 * (seed % 2) * len(name)],
                )
    assert (
        "no strategy keeps the lead (highest means: kmeans; hacon); some are significantly better "
        "than random at every number of labels" in told(run)[0]
    )
