"""Every two strategies: the differences, their intervals and tests, and what the page shows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.page.table import PageTable
from analysis.report import make_report
from analysis.sections import versus_random
from analysis.sections.base import Report, settings
from analysis.sections.pairs import PAIRED, UNPAIRED, content, pairs
from analysis.sections.verdict import verdict
from analysis.study.study import Study, read_study
from tests.analysis.made_up_runs import RunBuilder, component, run_with_one_choice

LEVELS = {"random": 0.7, "kmeans": 0.75, "typiclust": 0.752}


def study_of(root: Path, seeds: dict[str, int], levels: dict[str, float] = LEVELS) -> Study:
    """Return trials with one query of 20 images, whose AUC lies about a level."""
    rng = np.random.default_rng(0)
    run = RunBuilder(root)
    for name, level in levels.items():
        for seed in range(seeds.get(name, seeds["default"])):
            trial = run.done(run.trial(component(name), seed, [20]))
            run.records[trial]["rounds"][0]["auc"] = level + rng.normal(0, 0.01)
    return read_study(run.write())


def values_of(study: Study, name: str) -> "pd.Series[float]":
    rows = study.rounds[study.rounds["strategy"] == name].sort_values("seed")
    return pd.Series(rows["auc"].to_numpy())


def test_pairs_are_tested_by_student_with_holm_s_correction(tmp_path: Path) -> None:
    study = study_of(tmp_path, {"default": 6})
    found = pairs(study)
    assert set(found["test"]) == {PAIRED}
    assert set(found["n"]) == {6}
    p = []
    for row in found.itertuples():
        own, other = values_of(study, row.better), values_of(study, row.other)
        result = stats.ttest_rel(own, other)
        p.append(result.pvalue)
        assert row.difference == pytest.approx((own - other).mean())
        assert (row.low, row.high) == pytest.approx(tuple(result.confidence_interval()))
        assert row.better_mean >= row.other_mean
    ordered = np.sort(p) * [3, 2, 1]
    corrected = np.minimum(np.maximum.accumulate(ordered), 1)
    assert np.sort(found["p_corrected"]) == pytest.approx(corrected)


def test_all_draws_of_random_count_where_it_has_many_more(tmp_path: Path) -> None:
    study = study_of(tmp_path, {"random": 20, "default": 5})
    found = pairs(study).set_index(["better", "other"])
    row = found.loc[("typiclust", "random")]
    result = stats.ttest_ind(
        values_of(study, "typiclust"), values_of(study, "random"), equal_var=False
    )
    assert row["test"] == UNPAIRED
    assert (row["low"], row["high"]) == pytest.approx(tuple(result.confidence_interval()))
    assert row["p_corrected"] == pytest.approx(3 * result.pvalue)


def test_the_page_shows_pairs_where_there_are_two_besides_random(tmp_path: Path) -> None:
    [table] = content(make_report(study_of(tmp_path, {"default": 6})))
    assert table.header[1:3] == ["higher mean", "compared with"]
    assert len(table.rows) == 3
    alone = study_of(tmp_path / "alone", {"default": 6}, {"random": 0.7, "kmeans": 0.75})
    assert not list(content(make_report(alone)))


def test_the_verdict_names_who_is_not_significantly_behind(tmp_path: Path) -> None:
    [setting] = settings(make_report(study_of(tmp_path, {"default": 6})))
    [words] = verdict(setting)
    assert (
        "kmeans leads with 20 labels, significantly ahead of random (not of typiclust)"
        in words.text
    )


def test_the_verdict_praises_nobody_where_random_is_not_significantly_behind(
    tmp_path: Path,
) -> None:
    same = study_of(tmp_path, {"default": 4}, {"random": 0.7, "kmeans": 0.7, "typiclust": 0.7})
    [setting] = settings(make_report(same))
    [words] = verdict(setting)
    assert (
        "no strategy is shown to be better than random with 20 labels (highest mean" in words.text
    )


def test_the_verdict_names_who_is_better_than_random_where_the_highest_mean_is_of_one_choice(
    tmp_path: Path,
) -> None:
    run = run_with_one_choice(tmp_path)
    for seed in range(20):
        auc = 0.72 + 0.01 * seed + 0.001 * (seed % 3)  # ahead of random's by some .02
        run.done(run.trial(component("kmeans"), seed, [20]), [auc])
    [setting] = settings(make_report(read_study(run.write())))
    [words] = verdict(setting)
    assert (
        "significantly better than random with 20 labels: kmeans (not shown of the highest mean: "
        "maxherding)" in words.text
    )


def test_it_is_said_where_a_difference_is_another_than_that_of_the_means(tmp_path: Path) -> None:
    """Of five seeds four made one choice: it counts once, and as four in the mean."""
    run = RunBuilder(tmp_path / "repeated")
    for seed in range(5):
        for name, value in (("random", 0.7), ("kmeans", 0.8 if seed < 4 else 0.6), ("tcm", 0.75)):
            trial = run.done(run.trial(component(name), seed, [20]), [value + seed / 1000])
            if name == "kmeans" and seed < 4:
                run.records[trial]["rounds"][0]["selected"] = list(range(20))
    report = make_report(read_study(run.write()))
    row = report.tables["against_random"].query("strategy == 'kmeans' and metric == 'auc'").iloc[0]
    assert row["own_mean"] - row["random_mean"] == pytest.approx(0.06)
    assert row["mean"] == pytest.approx(0.0)
    assert len(notes_that_say_so(report)) == 2  # against random, and every two
    every = study_of(tmp_path / "distinct", {"default": 5})
    assert not notes_that_say_so(make_report(every))


def notes_that_say_so(report: Report) -> list[str]:
    blocks = [*content(report), *versus_random.content(report)]
    shown = [block.note for block in blocks if isinstance(block, PageTable)]
    return [note for note in shown if "count once in a difference" in note]
