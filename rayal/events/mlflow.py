"""MLflow: one run per trial in an experiment named as the sweep."""

from __future__ import annotations

import importlib
import logging
import os
import time
from collections.abc import Iterator
from typing import Any

from rayal.events.tracker import Tracker, flat_params, metrics_by_round
from rayal.storage.formats import Record
from rayal.sweep.definition import Trial

TAG = "rayal.trial"
LONGEST_PARAM = 500  # characters; the oldest servers take no more
METRICS_PER_REQUEST = 1000  # the most that MLflow takes


class MlflowTracker(Tracker):
    """Writes through a tracking URI: a database such as sqlite:///runs.db, or a server."""

    name = "MLflow"

    def __init__(self, uri: str | None, sweep: str) -> None:
        # An address that does not answer should say so in seconds, not in minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        self._mlflow: Any = importlib.import_module("mlflow")
        logging.getLogger("mlflow").setLevel(logging.WARNING)  # a new database says so in lines
        self._client = self._mlflow.MlflowClient(uri)
        known = self._client.get_experiment_by_name(sweep)
        self._experiment = known.experiment_id if known else self._client.create_experiment(sweep)
        super().__init__()

    def complete_trials(self) -> set[str]:
        """Runs that a killed driver left unfinished are removed: they are sent again."""
        complete = set()
        for run in list(self._runs()):
            if run.info.status == "FINISHED":
                complete.add(run.data.tags[TAG])
            else:
                self._client.delete_run(run.info.run_id)
        return complete

    def add_trial(self, trial: Trial, record: Record) -> None:
        tags = {TAG: trial.id}
        run = self._client.create_run(self._experiment, tags=tags, run_name=self.run_name(trial))
        entities = self._mlflow.entities
        params = [
            entities.Param(name, str(value)[:LONGEST_PARAM])
            for name, value in flat_params(trial).items()
        ]
        self._client.log_batch(run.info.run_id, params=params)
        now = int(time.time() * 1000)
        metrics = [
            entities.Metric(name, value, now, labelled)
            for labelled, values in metrics_by_round(record)
            for name, value in values.items()
        ]
        for start in range(0, len(metrics), METRICS_PER_REQUEST):
            chunk = metrics[start : start + METRICS_PER_REQUEST]
            self._client.log_batch(run.info.run_id, metrics=chunk)
        self._client.set_terminated(run.info.run_id)

    def _runs(self) -> Iterator[Any]:
        """All runs of the experiment that are ours, page by page."""
        page_token = None
        while True:
            page = self._client.search_runs([self._experiment], page_token=page_token)
            yield from (run for run in page if TAG in run.data.tags)
            page_token = page.token
            if not page_token:
                return
