from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from analysis.sections.ablations import ablations
from analysis.study.study import read_study
from analysis.study.summary import summary
from tests.analysis.made_up_runs import RunBuilder, component
from tests.draws import draws


def found(run):
    study = read_study(run.write())
    return ablations(study, summary(study))


def test_a_parameter_that_varies_alone_is_compared_at_each_budget(tmp_path):
    run = RunBuilder(tmp_path)
    for k in (10, 20, 30):
        for budget in (20, 40):
            run.done(run.trial(component("hacon", k=k, tau=0.05), 0, [budget]))
    run.done(run.trial(component("random"), 0, [20]))
    rows = found(run)
    assert set(rows["parameter"]) == {"k"}
    assert sorted(rows["value"]) == ["10", "10", "20", "20", "30", "30"]
    assert set(rows["kind"]) == {"strategy"}


def test_two_parameters_that_vary_together_are_not_compared(tmp_path):
    run = RunBuilder(tmp_path)
    for k, tau in ((10, 0.05), (20, 0.2)):
        run.done(run.trial(component("hacon", k=k, tau=tau), 0, [20]))
    assert found(run).empty


@pytest.mark.parametrize("seed", draws(20))
def test_what_is_compared_differs_in_one_parameter_alone(tmp_path, seed):
    rng = np.random.default_rng(seed)
    run = RunBuilder(tmp_path)
    variants = [dict(zip("abc", values, strict=True))
                for values in np.unique(rng.integers(0, 3, (6, 3)), axis=0).tolist()]  # fmt: skip
    for params in variants:
        run.done(run.trial(component("s", **params), 0, [20]))
    expected = {
        (name, str(params[name]), frozenset((k, v) for k, v in params.items() if k != name))
        for one, two in combinations(variants, 2)
        for name in "abc"
        for params in (one, two)
        if [k for k in "abc" if one[k] != two[k]] == [name]
    }
    rows = found(run)
    assert len(rows) == len(expected)
    assert sorted(zip(rows["parameter"], rows["value"], strict=True)) == sorted(
        (name, value) for name, value, _ in expected
    )


def test_a_switch_that_is_off_is_a_value(tmp_path):
    run = RunBuilder(tmp_path)
    for params in ({}, {"class_balanced": {"lambda": 1.0}}, {"class_balanced": {"lambda": 2.0}}):
        query = component("entropy", **params)
        run.done(run.trial(query, 0, [20, 30, 40], initial=component("random")))
    rows = found(run)
    assert sorted(rows["value"].unique()) == ["1", "2", "none"]
    assert set(rows["round"]) == {1, 2}  # the first query is the initial strategy's
    assert set(rows["parameter"]) == {"class_balanced.lambda"}


def test_parameters_of_encoders_and_learners_are_compared_too(tmp_path):
    run = RunBuilder(tmp_path)
    for epochs in (10, 20):
        for lr in (0.1, 0.2):
            run.done(run.trial(component("random"), 0, [20],
                               encoder=component("moco", epochs=epochs),
                               learner=component("linear", lr=lr)))  # fmt: skip
    rows = found(run)
    assert rows.groupby("parameter").size().to_dict() == {"epochs": 4, "lr": 4}


def test_an_empty_run_has_no_ablation(tmp_path):
    rows = found(RunBuilder(tmp_path))
    assert isinstance(rows, pd.DataFrame)
    assert rows.empty
