"""MLflow: one run per trial in an experiment named as the sweep."""

from __future__ import annotations

import importlib
import logging
import os
import time
from collections.abc import Iterator
from typing import Any

from rayal.events.tracker import Tracker, metrics, parameters, title
from rayal.storage.formats import Record
from rayal.sweep.definition import Trial

TAG = "rayal.trial"
LONGEST = 500  # characters of a parameter; the oldest servers take no more
AT_ONCE = 1000  # metrics in a request, the most that MLflow takes


class MlflowRuns(Tracker):
    """Writes through a tracking URI: a database such as sqlite:///runs.db, or a server."""

    name = "MLflow"

    def __init__(self, uri: str, sweep: str) -> None:
        # An address that does not answer should say so in seconds, not in minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        self._mlflow: Any = importlib.import_module("mlflow")
        logging.getLogger("mlflow").setLevel(logging.WARNING)  # a new database says so in lines
        self._client = self._mlflow.MlflowClient(uri)
        found = self._client.get_experiment_by_name(sweep)
        self._experiment = found.experiment_id if found else self._client.create_experiment(sweep)
        super().__init__()

    def known(self) -> set[str]:
        """Runs that a killed driver left unfinished are removed: they are sent again."""
        finished = set()
        for run in list(self._runs()):
            if run.info.status == "FINISHED":
                finished.add(run.data.tags[TAG])
            else:
                self._client.delete_run(run.info.run_id)
        return finished

    def add(self, trial: Trial, record: Record) -> None:
        tags = {TAG: trial.id}
        run = self._client.create_run(self._experiment, tags=tags, run_name=title(trial))
        entities = self._mlflow.entities
        self._client.log_batch(
            run.info.run_id,
            params=[
                entities.Param(name, str(value)[:LONGEST])
                for name, value in parameters(trial).items()
            ],
        )
        now = int(time.time() * 1000)
        measured = [
            entities.Metric(name, value, now, labelled)
            for labelled, values in metrics(record)
            for name, value in values.items()
        ]
        for start in range(0, len(measured), AT_ONCE):
            self._client.log_batch(run.info.run_id, metrics=measured[start : start + AT_ONCE])
        self._client.set_terminated(run.info.run_id)

    def _runs(self) -> Iterator[Any]:
        """All runs of the experiment that are ours, page by page."""
        page = None
        while True:
            found = self._client.search_runs([self._experiment], page_token=page)
            yield from (run for run in found if TAG in run.data.tags)
            page = found.token
            if not page:
                return
