from pathlib import Path

import pytest

from rayal.events.mlflow import TAG, MlflowTracker
from rayal.sweep.plan import Plan
from tests.events.records import record
from tests.events.tracker_checks import needs, send_one_twice


@needs("mlflow", "sqlalchemy", "alembic")
@pytest.mark.slow
def test_mlflow_holds_one_run_per_trial_with_a_value_per_round(tmp_path: Path, plan: Plan) -> None:
    uri = f"sqlite:///{tmp_path / 'runs.db'}"
    tracker = MlflowTracker(uri, "small")
    first, second = plan.trials
    send_one_twice(tracker, plan)
    client = tracker._client
    half = client.create_run(tracker._experiment, tags={TAG: second.id})  # as a killed driver does
    again = MlflowTracker(uri, "small")
    assert again.complete_trials() == {first.id}
    again.earlier_record(first, record(first.id))
    again.earlier_record(second, record(second.id))
    runs = client.search_runs([tracker._experiment])
    assert sorted(run.data.tags[TAG] for run in runs) == sorted([first.id, second.id])
    assert half.info.run_id not in {run.info.run_id for run in runs}
    [run] = [run for run in runs if run.data.tags[TAG] == first.id]
    assert run.info.status == "FINISHED"
    assert run.data.params["strategy"] == "margin"
    history = client.get_metric_history(run.info.run_id, "auc")
    assert [(point.step, point.value) for point in history] == [(10, 0.5), (20, 0.75)]
