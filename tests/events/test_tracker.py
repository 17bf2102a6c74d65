from rayal.events.tracker import flat_params, metrics_by_round
from rayal.sweep.plan import Plan
from tests.events.records import record


def test_parameters_are_flat_and_metrics_are_finite(plan: Plan) -> None:
    flat = flat_params(plan.trials[0])
    assert flat["strategy"] == "margin"
    assert flat["strategy.class_balanced"] == "None"
    assert flat["schedule"] == "10 20"
    assert all(isinstance(value, str | int | float | bool) for value in flat.values())
    first, second = metrics_by_round(record())
    assert first == (10, {"auc": 0.5, "select_seconds": 0.5, "train_seconds": 2.0})
    assert second[0] == 20
    assert second[1]["auc"] == 0.75
