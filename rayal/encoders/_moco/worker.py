"""python -m rayal.encoders._moco.worker FOLDER RANK: one of several processes that train as one."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from pathlib import Path

import torch

from rayal.encoders._moco import launcher
from rayal.encoders._moco.monitoring import KnnProbe
from rayal.encoders._moco.process_group import destroy_process_group, init_process_group
from rayal.encoders._moco.setup import build_pretraining
from rayal.encoders._training.progress_reporter import ProgressReporter


def main(folder: Path, rank: int) -> None:
    """Take this process's parts of each step, and report nothing."""
    threading.Thread(target=_exit_with_the_launcher, daemon=True).start()
    job: launcher.WorkerJob = pickle.loads((folder / launcher.JOB).read_bytes())
    torch.set_num_threads(job.threads)
    if torch.cuda.is_available():
        torch.cuda.set_device(rank)
    (folder / launcher.READY.format(rank)).touch()
    group = init_process_group(folder, rank, job.settings.processes)
    network, training = build_pretraining(job.images.open(), job.settings, job.seeds, group)
    reporter = ProgressReporter(training.schedule, lambda report: None)
    training.run(reporter, KnnProbe(network, None, reporter), job.checkpoint_dir)
    destroy_process_group()


def _exit_with_the_launcher() -> None:
    """Wait for the end of the input, which comes when the process that started this one is gone."""
    os.read(0, 1)  # a buffered read would hold a lock that the interpreter's end waits for
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
