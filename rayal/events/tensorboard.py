"""TensorBoard: a folder of events per trial; the axis is images labeled."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from rayal.events.tracker import Tracker, flat_params, metrics_by_round
from rayal.storage.atomic import temporary_beside
from rayal.storage.file_names import shortened
from rayal.storage.formats import Record
from rayal.sweep.definition import Trial


class TensorboardTracker(Tracker):
    """Writes DIR/NAME-ID at once: its scalars, and its parameters for the HPARAMS page."""

    name = "TensorBoard"

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)
        self._tensorboard: Any = importlib.import_module("tensorboardX")
        self._summary: Any = importlib.import_module("tensorboardX.summary")
        super().__init__()

    def complete_trials(self) -> set[str]:
        return {folder.name.rpartition("-")[2] for folder in self._root.iterdir()}

    def add_trial(self, trial: Trial, record: Record) -> None:
        words = re.sub(r"[^\w.=-]+", "_", self.run_name(trial))
        with temporary_beside(self._root / f"{shortened(words)}-{trial.id}") as folder:
            folder.mkdir()
            with self._tensorboard.SummaryWriter(str(folder)) as writer:
                last: dict[str, float] = {}
                for labelled, last in metrics_by_round(record):
                    for name, value in last.items():
                        writer.add_scalar(name, value, labelled)
                # add_hparams would open a second file, of the same name within a second.
                for summary in self._summary.hparams(flat_params(trial), last):
                    writer.file_writer.add_summary(summary)
