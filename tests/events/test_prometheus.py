"""What of a sweep is counted for Prometheus."""

from typing import Any

import pytest

from rayal.events.outcome import Outcome
from rayal.events.prometheus import (
    BEST,
    FAILURES,
    IMAGES,
    SECONDS,
    TRIALS,
    Metric,
    MetricHandle,
    SweepMetrics,
)
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from tests import sweeps

Labels = tuple[tuple[str, str], ...]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return make_plan(load_sweep(sweeps.write_sweep(tmp_path_factory.mktemp("plan"))))


class Board:
    """Takes values as Prometheus would show them: gauges are set, counters added to."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, Labels], float] = {}

    def create_metric(self, metric: Metric) -> MetricHandle:
        def put(value: float, labels: dict[str, str]) -> None:
            assert set(labels) == set(metric.labels)
            assert value > 0 or metric.kind == "gauge"
            key = (metric.name, tuple(sorted(labels.items())))
            before = self.values.get(key, 0.0) if metric.kind == "counter" else 0.0
            self.values[key] = before + value

        return put

    def read(self, metric: Metric, **labels: str) -> float:
        return self.values[metric.name, tuple(sorted({"sweep": "small", **labels}.items()))]

    def states(self) -> list[int]:
        return [int(self.read(TRIALS, state=s)) for s in ("done", "failed", "running", "waiting")]


def record(*aucs: float) -> dict[str, Any]:
    rounds = [{"auc": auc, "select_seconds": 0.5, "train_seconds": 0.0} for auc in aucs]
    return {"rounds": rounds}


def test_states_add_up_to_the_plan_at_any_time(plan: Plan) -> None:
    board = Board()
    metrics = SweepMetrics("small", len(plan.trials), board.create_metric)
    first, second, third, *_ = plan.trials
    assert not board.values, "what is done already must not be seen to be done at once"
    metrics.sweep_started(11)
    assert board.states() == [1, 0, 0, 11]
    metrics.earlier_record(first, record(0.5))
    metrics.trials_running(4)
    assert board.states() == [1, 0, 4, 7]
    metrics.trials_running(3)
    metrics.trial_ended(second, Outcome(second.id, "ValueError: x"))
    assert board.states() == [1, 1, 3, 7]
    metrics.trials_running(2)
    metrics.trial_ended(third, Outcome(third.id))
    metrics.trial_recorded(third, record(0.5))
    assert board.states() == [2, 1, 2, 7]


def test_failures_are_counted_by_a_few_kinds(plan: Plan) -> None:
    board, trial = Board(), plan.trials[0]
    metrics = SweepMetrics("small", 12, board.create_metric)
    for error in ("ValueError: a", "ValueError: b", "its worker process died 4 times; the"):
        metrics.trial_ended(trial, Outcome(trial.id, error))
    assert board.read(FAILURES, error="ValueError") == 2
    assert board.read(FAILURES, error="WorkerDied") == 1


def test_the_best_auc_is_the_highest_of_any_trial_and_round_and_never_nan(plan: Plan) -> None:
    board = Board()
    metrics = SweepMetrics("small", 12, board.create_metric)
    trial = next(t for t in plan.trials if t.strategy.name == "random")
    for aucs in ((float("nan"),), (0.6, 0.8), (0.7,)):
        metrics.trial_ended(trial, Outcome(trial.id))
        metrics.trial_recorded(trial, record(*aucs))
    assert board.read(BEST, dataset="digits", strategy="random") == 0.8


def test_seconds_are_those_of_stages_and_a_ready_encoder_has_no_pace(plan: Plan) -> None:
    board, trial = Board(), plan.trials[0]
    metrics = SweepMetrics("small", 12, board.create_metric)
    metrics.encoding_progress(trial, {"images_per_second": 120.0})
    assert board.read(IMAGES, dataset="digits", encoder="pixels") == 120
    metrics.encoding_finished(trial, 7.0)
    metrics.trial_ended(trial, Outcome(trial.id))
    metrics.trial_recorded(trial, record(0.5, 0.6))
    metrics.trial_ended(trial, Outcome(trial.id))
    metrics.trial_recorded(trial, record(0.5))
    assert board.read(IMAGES, dataset="digits", encoder="pixels") == 0
    assert board.read(SECONDS, stage="encode") == 7
    assert board.read(SECONDS, stage="select") == 1.5
