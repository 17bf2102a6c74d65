"""Runs that are small, broken or odd: a right report or one clear message."""

import json
import math
import warnings

import pandas as pd
import pytest

import analysis
from analysis.__main__ import main
from analysis.sections import all_tables
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component, single_query_run

pytestmark = pytest.mark.slow


def tables_of(run):
    """All tables, with every warning an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return all_tables(read_study(run.write()))


def record_of(root):
    return sorted((root / "records").glob("*.json"))[0]


def refused(root, capsys):
    """The message of a run that is refused, without a traceback."""
    assert main([str(root)]) == 2
    text = capsys.readouterr().err
    assert "Traceback" not in text
    assert text.count("\n") == 1
    return text


def test_a_run_without_any_trial_has_every_table_empty(tmp_path):
    made = tables_of(RunBuilder(tmp_path))
    assert made["progress"]["planned"].tolist() == [0]
    assert all(len(table) == 0 for name, table in made.items() if name != "progress")


def test_a_run_with_nothing_finished_says_what_is_missing(tmp_path):
    run = RunBuilder(tmp_path)
    for name in ("random", "hacon"):
        run.trial(component(name), 0, [20])
    made = tables_of(run)
    assert made["summary"]["missing"].tolist() == [1, 1]
    assert made["against_random"].empty


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_have_no_interval_that_pretends(tmp_path, seeds):
    made = tables_of(single_query_run(tmp_path, random_seeds=seeds, seeds=seeds))
    auc = made["against_random"].query("metric == 'auc'")
    assert auc["low"].isna().all() == (seeds == 1)
    assert auc["p_permutation"].isna().all() == (seeds == 1)
    assert made["annotation_saved"]["saved_low"].isna().all()


def test_one_strategy_alone_has_nothing_to_be_compared_with(tmp_path):
    run = RunBuilder(tmp_path)
    for seed in range(3):
        run.done(run.trial(component("hacon"), seed, [20]))
    made = tables_of(run)
    for name in ("against_random", "power", "annotation_saved", "win_tie_loss"):
        assert made[name].empty
    assert made["ranks"]["way"].tolist() == ["hacon"]


def test_one_budget_has_no_curve_but_all_else(tmp_path):
    run = RunBuilder(tmp_path)
    for name in ("random", "hacon"):
        for seed in range(3):
            run.done(run.trial(component(name), seed, [20]))
    made = tables_of(run)
    assert made["aubc"].empty
    assert len(made["ranks"]) == 2


@pytest.mark.parametrize("bad", [None, math.nan, math.inf])
def test_a_metric_that_is_no_number_is_left_out_and_counted(tmp_path, bad):
    run = single_query_run(tmp_path, random_seeds=4, seeds=4)
    worst = [t for t, d in run.trials.items()
             if d["strategy"]["name"] == "kmeans" and d["schedule"] == [30]]  # fmt: skip
    for trial in worst[:2]:
        for name in ("auc", "coverage"):
            run.records[trial]["rounds"][0][name] = bad
    made = tables_of(run)
    cell = made["summary"].query("strategy == 'kmeans' and labelled == 30").iloc[0]
    assert (cell["done"], cell["n"]) == (4, 2)
    row = made["against_random"].query("strategy == 'kmeans' and labelled == 30").iloc[0]
    assert (row["n"], row["seeds"]) == (2, "2 shared of 2 and random's 4")


def test_every_metric_missing_everywhere_is_no_number_anywhere(tmp_path):
    run = single_query_run(tmp_path, random_seeds=2, seeds=2)
    for record in run.records.values():
        record["rounds"][0]["auc"] = None
    made = tables_of(run)
    assert made["summary"]["auc_mean"].isna().all()
    assert made["ranks"].empty
    assert main([str(tmp_path)]) == 0


def test_older_records_without_some_measures_are_read(tmp_path):
    run = single_query_run(tmp_path, random_seeds=2, seeds=2)
    for record in list(run.records.values())[::2]:
        for name in ("pool_error", "l1_score", "class_counts", "select_seconds"):
            del record["rounds"][0][name]
        del record["versions"], record["seconds"], record["host"]
    made = tables_of(run)
    assert made["summary"]["pool_error_mean"].notna().any()
    assert made["versions"].query("package == 'torch'")["mixed"].all()
    assert "not recorded" in set(made["versions"]["version"])


def test_versions_that_are_mixed_are_shown(tmp_path):
    run = single_query_run(tmp_path, random_seeds=2, seeds=2)
    first = next(iter(run.records.values()))
    first["versions"] = {**first["versions"], "torch": "2.12.0"}
    found = tables_of(run)["versions"].query("package == 'torch'").set_index("version")
    assert found["trials"].to_dict() == {"2.13.0": len(run.records) - 1, "2.12.0": 1}
    assert found["mixed"].all()


def test_a_truncated_record_is_named(tmp_path, capsys):
    root = single_query_run(tmp_path, random_seeds=2, seeds=1).write()
    path = record_of(root)
    path.write_text(path.read_text()[:200])
    assert f"{path} is damaged" in refused(root, capsys)


@pytest.mark.parametrize("content", ["{}", '{"trial": "x", "schema": 1}', "[]", ""])
def test_a_record_that_is_no_record_is_refused(tmp_path, capsys, content):
    root = single_query_run(tmp_path, random_seeds=2, seeds=1).write()
    record_of(root).write_text(content)
    assert "records" in refused(root, capsys)


def test_a_record_of_a_later_schema_is_refused_by_number(tmp_path, capsys):
    root = single_query_run(tmp_path, random_seeds=2, seeds=1).write()
    path = record_of(root)
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 7}))
    assert "is of schema 7, and this version of rayal reads 1" in refused(root, capsys)


def test_a_truncated_failure_log_costs_no_report_and_is_told(tmp_path, capsys):
    run = RunBuilder(tmp_path)
    trial = run.failed(run.trial(component("random"), 0, [20]))
    root = run.write()
    (root / "failures" / f"{trial}.log").write_text('{"trial": "x')
    assert main([str(root)]) == 0
    assert "its log cannot be read" in (root / "tables" / "failures.csv").read_text()


@pytest.mark.parametrize("content", ["{", "{}", '{"trials": []}'])
def test_a_damaged_plan_is_told_in_one_message(tmp_path, capsys, content):
    root = RunBuilder(tmp_path).write()
    (root / "plan.json").write_text(content)
    assert "plan.json" in refused(root, capsys)


def test_numbers_of_a_table_can_be_traced_to_the_records(single_query):
    summary = all_tables(read_study(single_query))["summary"].set_index(["strategy", "labelled"])
    rows = []
    for path in (single_query / "records").glob("*.json"):
        record = json.loads(path.read_text())
        rows += [(record["trial"], round_["auc"]) for round_ in record["rounds"]]
    frame = analysis.load(single_query)
    by_hand = pd.DataFrame(rows, columns=["trial", "by_hand"])
    by_hand = frame.merge(by_hand, on="trial").groupby(["strategy_label", "labelled"])["by_hand"]
    for place, mean in by_hand.mean().items():
        assert summary.loc[place, "auc_mean"] == pytest.approx(mean)
