import json

import numpy as np
import pytest

import analysis
from rayal.storage.files import StoreError
from rayal.sweep.names import flatten
from tests.analysis.made_up_runs import RunBuilder, component

PROMISED = [
    "trial", "dataset", "encoder", "initial", "strategy", "learner", "seed", "budget", "round",
    "labelled", "auc", "accuracy", "balanced_accuracy", "mean_class_accuracy", "pool_error",
    "coverage", "class_entropy", "l1_score", "select_seconds", "train_seconds", "selected",
    "class_counts", "rounds",
]  # fmt: skip


def test_load_has_the_promised_columns_and_a_row_per_trial_and_round(cycles):
    frame = analysis.load(cycles)
    assert [name for name in PROMISED if name not in frame] == []
    assert len(frame) == 3 * 3 * 4 * 4
    assert frame.groupby("trial")["labelled"].apply(list).map(tuple).unique().tolist() == [
        (20, 30, 40, 50)
    ]
    assert (frame["rounds"] == 4).all()


def test_load_gives_the_numbers_of_the_records(single_query):
    frame = analysis.load(single_query).set_index("trial")
    paths = [single_query / "records" / f"{trial}.json" for trial in frame.index]
    assert len(paths) == 57
    for path in paths:
        record = json.loads(path.read_text())
        row, measured = frame.loc[record["trial"]], record["rounds"][0]
        assert row["auc"] == measured["auc"]
        assert row["selected"] == measured["selected"]
        assert np.asarray(row["selected"]).dtype == np.int64
        assert row["strategy"] == record["definition"]["strategy"]["name"]
        assert row["seed"] == record["definition"]["seed"]


def test_a_parameter_that_varies_has_a_column_and_is_part_of_the_label(single_query):
    frame = analysis.load(single_query)
    assert set(frame["strategy_label"]) == {"random", "hacon k=20", "hacon k=30", "kmeans"}
    assert set(frame["strategy"]) == {"random", "hacon", "kmeans"}
    assert set(frame.loc[frame["strategy"] == "hacon", "strategy.k"]) == {20, 30}
    assert frame.loc[frame["strategy"] == "kmeans", "strategy.k"].isna().all()


def test_a_parameter_with_one_value_has_no_column(single_query):
    frame = analysis.load(single_query)
    assert [name for name in frame if "order" in name or "epochs" in name] == []


def test_a_strategy_has_one_label_as_initial_and_as_query(tmp_path):
    run = RunBuilder(tmp_path)
    for k in (20, 30):
        first = component("hacon", k=k)
        run.done(run.trial(component("hacon", k=20), 0, [20, 30], initial=first))
    frame = analysis.load(run.write())
    assert set(frame["strategy_label"]) == {"hacon k=20"}
    assert set(frame["initial_label"]) == {"hacon k=20", "hacon k=30"}


def test_a_measure_that_is_null_is_nan(tmp_path):
    run = RunBuilder(tmp_path)
    trial = run.done(run.trial(component("random"), 0, [20]))
    run.records[trial]["rounds"][0]["auc"] = None
    assert analysis.load(run.write())["auc"].isna().all()


def test_every_trial_is_accounted_for(single_query):
    found = analysis.progress(single_query)
    assert (found.planned, found.done, found.failed, found.missing) == (59, 57, 1, 1)
    assert found.left_out == 1
    assert found.done == analysis.load(single_query)["trial"].nunique()


def test_a_run_without_a_finished_trial_is_an_empty_frame_with_the_columns(tmp_path):
    run = RunBuilder(tmp_path)
    run.trial(component("random"), 0, [20])
    frame = analysis.load(run.write())
    assert len(frame) == 0
    assert [name for name in PROMISED if name not in frame] == []


def test_a_folder_that_is_no_run_is_refused_by_name(tmp_path):
    with pytest.raises(StoreError, match=rf"{tmp_path} is not a run: it has no plan\.json"):
        analysis.load(tmp_path)


def test_nested_parameters_are_spread():
    params = {"k": 3, "class_balanced": {"lambda": 1.0, "solver": {"name": "auto"}}, "diverse": {}}
    assert flatten(params) == {
        "k": 3, "class_balanced.lambda": 1.0, "class_balanced.solver.name": "auto", "diverse": {},
    }  # fmt: skip
