from pathlib import Path

import pytest

from analysis.report import make_report, write
from analysis.sections.base import settings
from analysis.sections.findings import sentences
from analysis.sections.verdict import verdict
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component, run_with_one_choice

pytestmark = pytest.mark.slow


def run_with_an_oracle(root: Path) -> Path:
    """kmeans is better than random, the oracle better than both."""
    run = RunBuilder(root)
    oracle = {**component("uniform"), "oracle": True}
    for strategy, level in ((component("random"), 0.7), (component("kmeans"), 0.8), (oracle, 0.9)):
        for seed in range(4):
            run.done(run.trial(strategy, seed, [20]), [level + seed / 100])
    return run.write()


def test_an_oracle_does_not_compete(tmp_path: Path) -> None:
    study = read_study(run_with_an_oracle(tmp_path))
    assert study.oracles == {"uniform"}
    [setting] = settings(make_report(study))
    told = [f"{found.lead} {found.text}" for found in sentences(setting)]
    assert any("kmeans had the highest mean AUC of the 2 compared" in text for text in told)
    assert not any("uniform" in text for text in told)


def test_the_page_says_which_strategies_read_true_labels(tmp_path: Path) -> None:
    page = write(run_with_an_oracle(tmp_path)).read_text()
    assert "uniform reads the true labels of the pool" in page


def test_a_strategy_of_one_choice_is_not_called_better(tmp_path: Path) -> None:
    [setting] = settings(make_report(read_study(run_with_one_choice(tmp_path).write())))
    first, told = (found.text for found in (*verdict(setting), *sentences(setting)))
    assert "no strategy is shown to be better than random with 20 labels" in first
    assert "(highest mean: maxherding)" in first
    assert "maxherding had the highest mean AUC" in told
    assert "(no interval from one choice), 5 seeds" in told
    assert "It made one choice, whatever the seed: above 18 of random's 20." in told
    assert "better" not in told


def test_strategies_whose_trials_failed_are_named_before_the_findings(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path)
    for name in ("random", "hacon", "flaky"):
        for seed in range(3):
            trial = run.trial(component(name), seed, [10])
            if name == "flaky" and seed:
                run.failed(trial)
            else:
                run.done(trial)
    page = write(run.write()).read_text()
    assert "these findings rest on 7 of 9 trials. Failed: 2 of 3 of flaky." in page


def run_with_few_choices(root: Path) -> RunBuilder:
    """Six seeds of random, and three of kmeans that made two choices, a little above random's."""
    run = RunBuilder(root)
    for name, values in (
        ("random", (0.7, 0.8, 0.72, 0.78, 0.74, 0.76)),
        ("kmeans", (0.9, 0.7, 0.95)),
    ):
        for seed, value in enumerate(values):
            trial = run.done(run.trial(component(name), seed, [10]))
            record = run.records[trial]["rounds"][0]
            record["auc"] = value
            if name == "kmeans":
                record["selected"] = list(range(seed % 2 * 20, seed % 2 * 20 + 10))
    return run


def test_findings_and_verdict_count_choices_before_they_take_all_of_random_s(
    tmp_path: Path,
) -> None:
    report = make_report(read_study(run_with_few_choices(tmp_path).write()))
    [setting] = settings(report)
    [found] = sentences(setting)
    assert "Against random, over all of its 6 choices, it differs by" in found.text
    row = report.tables["against_random"].iloc[0]
    assert (row["n_own"], row["choices"], row["draws"]) == (3, 2, 6)


def test_nobody_leads_where_one_selection_is_alone(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path)
    for name in ("random", "margin"):
        for seed in range(3):
            trial = run.trial(component(name), seed, [10, 20], initial=component("random"))
            run.done(trial, [0.7, 0.8 + 0.01 * seed + (0.1 + 0.001 * seed) * (name == "margin")])
    report = make_report(read_study(run.write()))
    [setting] = settings(report)
    [words] = verdict(setting)
    assert "with 10 labels" not in words.text
    assert "leads with 20 labels" in words.text
    first, _ = sentences(setting)
    assert "random as initial strategy was alone, with a mean AUC of 0.700" in first.text


def test_a_paired_test_names_choices_where_they_are_fewer_than_seeds(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path)
    for name in ("random", "kmeans"):
        for seed in range(4):
            trial = run.done(run.trial(component(name), seed, [10]))
            record = run.records[trial]["rounds"][0]
            record["auc"] = 0.8 + 0.1 * (name == "kmeans") + 0.01 * seed
            if name == "kmeans":
                record["selected"] = list(range(seed // 2, seed // 2 + 10))
    page = write(run.write()).read_text()
    assert "on the 2 choices that its 4 seeds made, it differs by" in page


def run_of(root: Path, **values: list[float]) -> Path:
    """One budget; of each strategy the AUC of its seeds, from 0 on."""
    run = RunBuilder(root)
    for name, of_seeds in values.items():
        for seed, value in enumerate(of_seeds):
            run.done(run.trial(component(name), seed, [20]), [value])
    return run.write()


def told_of(root: Path) -> str:
    [setting] = settings(make_report(read_study(root)))
    return " ".join(f"{found.lead} {found.text}" for found in [*sentences(setting)])


def test_equal_means_share_the_highest_and_none_is_said_to_have_it(tmp_path: Path) -> None:
    told = told_of(run_of(tmp_path, random=[0.9] * 3, kmeans=[0.9] * 3, hacon=[0.8] * 3))
    assert "random and kmeans had the same highest mean AUC of the 3 compared, 0.900." in told


def test_a_difference_that_no_test_can_judge_is_not_called_better(tmp_path: Path) -> None:
    told = told_of(run_of(tmp_path, random=[0.8, 0.81], kmeans=[0.82, 0.83]))
    assert "by the same on every pair" in told
    assert "better by AUC" not in told


def test_findings_count_the_comparisons_that_the_test_they_tell_was_corrected_for(
    tmp_path: Path,
) -> None:
    # kmeans differs by the same with every seed: Student's test has no p of it, sign flips have.
    told = told_of(
        run_of(
            tmp_path, random=[0.6, 0.61, 0.62], kmeans=[0.7, 0.71, 0.72], hacon=[0.8, 0.82, 0.81]
        )
    )
    assert "better by AUC." in told
    assert "comparisons" not in told
