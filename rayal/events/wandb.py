"""Weights & Biases without a network: a run per trial in DIR/wandb, for `wandb sync` later."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

from rayal.events.tracker import Tracker, flat_params, metrics_by_round
from rayal.storage import plain_files
from rayal.storage.formats import Record
from rayal.sweep.definition import Trial


class WandbTracker(Tracker):
    """Writes DIR/wandb/offline-run-*-ID and notes in DIR/wandb/whole what is finished."""

    name = "Weights & Biases"

    def __init__(self, root: Path, sweep: str) -> None:
        self._root, self._sweep = root, sweep
        self._folder = root / "wandb"
        self._folder.mkdir(exist_ok=True)
        self._complete_list = self._folder / "whole"
        self._wandb: Any = importlib.import_module("wandb")
        super().__init__()

    def complete_trials(self) -> set[str]:
        """Return what the list names; a link, pipe or folder in its place is refused."""
        plain_files.open_append(self._complete_list).close()
        return set(plain_files.read(self._complete_list).decode().split())

    def add_trial(self, trial: Trial, record: Record) -> None:
        for half_written in self._folder.glob(f"offline-run-*-{trial.id}"):
            shutil.rmtree(half_written)  # of a driver that was killed meanwhile
        run = self._wandb.init(
            mode="offline",
            project=self._sweep,
            id=trial.id,
            name=self.run_name(trial),
            config=flat_params(trial),
            dir=str(self._root),
            settings=self._settings(),
        )
        for labelled, values in metrics_by_round(record):
            run.log(values, step=labelled)
        run.finish()
        with plain_files.open_append(self._complete_list) as file:
            file.write(f"{trial.id}\n".encode())

    def _settings(self) -> Any:
        """Say nothing, and look at nothing but what it is given: no source, no console."""
        return self._wandb.Settings(
            silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True,
            x_disable_meta=True, x_disable_machine_info=True,
        )  # fmt: skip
