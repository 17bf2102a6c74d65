import pandas as pd
import pytest

import analysis
from analysis.__main__ import main
from analysis.report import write_all
from analysis.sections.versus_random.differences import against_random
from analysis.statistics import bootstrap
from analysis.study.merge import differing
from analysis.study.study import read_study
from analysis.study.summary import summary
from rayal.storage.files import StoreError
from rayal.storage.run import Run
from tests.analysis.made_up_runs import RunBuilder, component, single_query_run


def run_of(root, strategy, *, seeds=range(3), content="c0ffee", name="blood"):
    run = RunBuilder(root)
    run.about = {**run.about, "name": name}
    for seed in seeds:
        for which in ("random", strategy):
            run.done(run.trial(component(which), seed, [20]))
    path = run.write()
    plan = path / "plan.json"
    plan.write_text(plan.read_text().replace("c0ffee", content))
    return path


def test_two_runs_are_one_frame_in_which_shared_trials_count_once(tmp_path):
    a, b = run_of(tmp_path / "a", "hacon"), run_of(tmp_path / "b", "kmeans", seeds=range(5))
    frame = analysis.load(a, b)
    assert frame.groupby("strategy")["trial"].nunique().to_dict() == {
        "random": 5, "hacon": 3, "kmeans": 5
    }  # fmt: skip
    found = analysis.progress(a, b)
    assert (found.planned, found.done, found.repeated) == (13, 13, 3)


def test_strategies_of_different_runs_are_compared_on_shared_seeds(tmp_path):
    a, b = run_of(tmp_path / "a", "hacon"), run_of(tmp_path / "b", "kmeans", seeds=range(5))
    found = against_random(read_study(a, b))
    auc = found[found["metric"] == "auc"].set_index("strategy")
    assert auc["n"].to_dict() == {"hacon": 3, "kmeans": 5}
    assert auc.loc["hacon", "seeds"] == "3 shared of 3 and random's 5"


def test_a_parameter_that_varies_between_runs_is_part_of_the_label(tmp_path):
    roots = []
    for k in (20, 30):
        run = RunBuilder(tmp_path / f"k{k}")
        run.done(run.trial(component("hacon", k=k), 0, [20]))
        roots.append(run.write())
    assert set(analysis.load(*roots)["strategy_label"]) == {"hacon k=20", "hacon k=30"}
    assert set(analysis.load(roots[0])["strategy_label"]) == {"hacon"}


def test_datasets_of_one_name_and_other_content_are_told_apart(tmp_path):
    a = run_of(tmp_path / "a", "hacon")
    b = run_of(tmp_path / "b", "kmeans", content="other", seeds=[7])
    assert set(analysis.load(a, b)["dataset"]) == {"blood [a]", "blood [b]"}


def test_datasets_of_runs_in_folders_of_one_name_are_told_apart(tmp_path):
    """As runs/before/blood and runs/after/blood; both were "blood [blood]", and paired."""
    a = run_of(tmp_path / "before" / "blood", "hacon")
    b = run_of(tmp_path / "after" / "blood", "kmeans", content="other", seeds=[7])
    names = {"blood [before/blood]": 3, "blood [after/blood]": 1}
    assert analysis.load(a, b).groupby("dataset")["seed"].nunique().to_dict() == names


def test_a_dataset_has_one_name_in_all_runs_of_the_same_content(tmp_path):
    a = run_of(tmp_path / "a", "hacon")
    b = run_of(tmp_path / "b", "kmeans")
    c = run_of(tmp_path / "c", "kmeans", content="other", seeds=[7])
    frame = analysis.load(a, b, c)
    found = frame.groupby("dataset")["strategy"].agg(set).to_dict()
    both = {"random", "kmeans"}
    assert found == {"blood [a]": {*both, "hacon"}, "blood [c]": both}


def test_a_trial_that_failed_in_one_run_and_was_done_in_another_is_done(tmp_path):
    a, b = RunBuilder(tmp_path / "a"), RunBuilder(tmp_path / "b")
    a.failed(a.trial(component("random"), 0, [20]))
    b.done(b.trial(component("random"), 0, [20]))
    found = analysis.progress(a.write(), b.write())
    assert (found.planned, found.done, found.failed) == (1, 1, 0)


def test_records_that_lie_in_two_runs_give_the_numbers_of_one(tmp_path):
    """Ends of bootstrap intervals depend on the order of values, which was that of the runs."""
    whole = run_of(tmp_path / "whole", "hacon", seeds=range(12))
    halves = [run_of(tmp_path / name, "hacon", seeds=range(12)) for name in ("a", "b")]
    for number, path in enumerate(sorted((halves[0] / "records").iterdir())):
        (halves[number % 2] / "records" / path.name).unlink()
    expected = summary(read_study(whole))
    assert expected["n"].min() >= bootstrap.SMALL
    pd.testing.assert_frame_equal(summary(read_study(*halves)), expected)
    pd.testing.assert_frame_equal(summary(read_study(*halves[::-1])), expected)


def test_trials_of_which_runs_have_other_results_are_counted(tmp_path):
    """The first run's count; which one that is changes the numbers."""
    a, b = RunBuilder(tmp_path / "a"), RunBuilder(tmp_path / "b")
    for seed in range(3):
        for run, value in ((a, 0.7), (b, 0.7 if seed else 0.8)):
            run.done(run.trial(component("random"), seed, [20]), [value])
    found = analysis.progress(a.write(), b.write())
    assert (found.repeated, found.differing) == (3, 1)


def test_the_same_images_in_another_order_are_no_other_result():
    row = {"auc": 0.5, "selected": [3, 1]}
    other = {**row, "selected": [1, 3]}
    records = [{"trial": "a", "rounds": [one]} for one in (row, other)]
    runs = [Run(None, {}, [record], [], 0) for record in records]
    assert differing(runs) == 0


def test_a_run_named_twice_counts_once(tmp_path):
    run = run_of(tmp_path / "a", "hacon")
    assert analysis.progress(run, run / ".").repeated == 0
    assert read_study(run, run / ".").run.root == run


@pytest.mark.slow
def test_several_runs_are_reported_beside_the_first(tmp_path, capsys):
    a = run_of(tmp_path / "a", "hacon", name="first")
    b = run_of(tmp_path / "b", "kmeans", name="second")
    assert main([str(a), str(b)]) == 0
    page = tmp_path / "compared-a+b" / "report" / "index.html"
    assert str(page) in capsys.readouterr().out
    assert "first and second" in page.read_text()
    assert not (a / "report").exists()


@pytest.mark.slow
def test_the_report_goes_where_it_is_asked_to(tmp_path):
    run = single_query_run(tmp_path / "run", random_seeds=2, seeds=1).write()
    assert main([str(run), "--out", str(tmp_path / "deep" / "there")]) == 0
    assert (tmp_path / "deep" / "there" / "tables" / "summary.tex").is_file()
    assert not (run / "tables").exists()


@pytest.mark.slow
def test_maps_of_every_run_are_drawn_in_a_comparison(tmp_path):
    roots = []
    for name in ("a", "b"):
        run = RunBuilder(tmp_path / name)
        run.done(run.trial(component("random"), 0, [20], dataset=name))
        run.mapped()
        roots.append(run.write())
    names = {path.stem for path in write_all(*roots).figures}
    assert {"map-a-moco", "map-b-moco"} <= names


def test_one_folder_of_several_that_is_no_run_is_refused_by_name(tmp_path, capsys):
    run = run_of(tmp_path / "a", "hacon")
    assert main([str(run), str(tmp_path)]) == 2
    assert f"{tmp_path} is not a run" in capsys.readouterr().err


def test_no_run_at_all_is_refused():
    with pytest.raises(StoreError, match="no run is given"):
        analysis.load()


def test_runs_before_and_after_a_change_of_a_plugin_are_told_apart(tmp_path):
    paths = []
    for name, level in (("before", 0.7), ("after", 0.9)):
        run = RunBuilder(tmp_path / name)
        own = {**component("mine"), "source": name * 10}
        for seed in range(4):
            run.done(run.trial(own, seed, [20]), [level + 0.01 * seed])
        paths.append(run.write())
    study = read_study(*paths)
    means = study.rounds.groupby("strategy_label")["auc"].mean().to_dict()
    assert means == {
        "mine source=beforebe": pytest.approx(0.715),
        "mine source=afteraft": pytest.approx(0.915),
    }
