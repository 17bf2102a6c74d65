"""The primary measure of a study: what leads its report."""

import numpy as np
import pytest

from analysis.report import make_report, page_of
from analysis.sections.leaders import leaders
from analysis.sections.rankings.mean_areas import overall
from analysis.sections.rankings.mean_ranks import ranks
from analysis.sections.rankings.wins import win_tie_loss
from analysis.sections.versus_random.areas import aubc
from analysis.sections.versus_random.differences import against_random
from analysis.sections.versus_random.savings import annotation_saved
from analysis.statistics import paired_tests
from analysis.study.measures import TEST_MEASURES, in_order, table_of
from analysis.study.study import read_study
from analysis.study.summary import summary
from tests.analysis.made_up_runs import RunBuilder, component, single_query_run

pytestmark = pytest.mark.slow


def exchanged(run: RunBuilder, measure: str) -> RunBuilder:
    """The same run with the values of AUC and another measure exchanged."""
    for record in run.records.values():
        for row in record["rounds"]:
            row["auc"], row[measure] = row[measure], row["auc"]
    return run


@pytest.mark.parametrize("measure", ["accuracy", "mean_class_accuracy"])
def test_every_table_of_a_measure_is_that_of_the_auc_with_its_values(tmp_path, measure):
    by_auc = read_study(single_query_run(tmp_path / "a").write())
    other = read_study(exchanged(single_query_run(tmp_path / "b"), measure).write())
    for make in (ranks, overall, win_tie_loss, aubc):
        expected, found = make(by_auc), make(other, measure)
        if make is overall:
            assert set(found["metric"]) == {f"{measure}_aubc"}
            expected, found = (table.drop(columns="metric") for table in (expected, found))
        assert found.to_csv() == expected.to_csv()
    saved = annotation_saved(other, summary(other), measure)
    expected = annotation_saved(by_auc, summary(by_auc))
    assert saved.rename(columns={f"random_{measure}": "random_auc"}).equals(expected)
    tests, expected = against_random(other, measure), against_random(by_auc)
    assert set(tests["metric"]) == {measure}
    tests = tests.drop(columns="metric")
    expected = expected[expected["metric"] == "auc"].drop(columns="metric")
    assert tests.to_csv(index=False) == expected.to_csv(index=False)


def test_holm_corrects_each_measure_in_a_family_of_its_own(tmp_path):
    study = read_study(single_query_run(tmp_path).write())
    for measure in TEST_MEASURES:
        own = against_random(study, measure)
        own = own[own["metric"] == measure]
        assert (own["comparisons"] == len(own)).all()
        np.testing.assert_allclose(own["holm_student"], paired_tests.holm(own["p_student"]))


@pytest.fixture
def disputed(tmp_path) -> RunBuilder:
    """Where hacon leads by AUC, and kmeans by accuracy."""
    run = RunBuilder(tmp_path)
    levels = {"random": (0.70, 0.50), "hacon": (0.80, 0.52), "kmeans": (0.75, 0.60)}
    for name, (auc, accuracy) in levels.items():
        for seed in range(4):
            for labels in (20, 40):
                trial = run.done(
                    run.trial(component(name), seed, [labels]), [auc * (1 + seed / 100)]
                )
                run.records[trial]["rounds"][0]["accuracy"] = accuracy * (1 + seed * seed / 1000)
    return run


@pytest.mark.parametrize(("measure", "leader"), [("auc", "hacon"), ("accuracy", "kmeans")])
def test_the_report_leads_with_the_measure_that_the_sweep_names(disputed, measure, leader):
    disputed.about["measure"] = measure
    study = read_study(disputed.write())
    assert study.measure == measure
    assert set(leaders(study)["auc_leader"]) == {leader}
    page = page_of(make_report(study))
    words = TEST_MEASURES[measure]
    verdict = page.index(f"by {words}, {leader} leads with 20 to 40 labels")
    assert verdict < page.index(f"{leader} had the highest mean {words} of the 3 compared")
    titles = [
        f"{w[0].upper()}{w[1:]} against random on shared seeds" for w in TEST_MEASURES.values()
    ]
    first = titles[list(TEST_MEASURES).index(measure)]
    assert min(titles, key=page.index) == first


def test_a_measure_that_no_record_has_leads_nothing(tmp_path):
    run = single_query_run(tmp_path)
    run.about["measure"] = "mean_class_accuracy"
    for record in run.records.values():
        for row in record["rounds"]:
            row.pop("mean_class_accuracy", None)
    assert read_study(run.write()).measure == "auc"


def test_the_auc_keeps_the_names_of_its_tables():
    assert table_of("ranks", "auc") == "ranks"
    assert table_of("ranks", "accuracy") == "ranks_accuracy"
    assert in_order("accuracy") == ["accuracy", "auc", "mean_class_accuracy"]
