"""python -m rayal.encoders._moco.worker FOLDER RANK: one of several processes that train as one."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from pathlib import Path

import torch

from rayal.encoders._moco import launcher as crew
from rayal.encoders._moco import process_group as team
from rayal.encoders._moco.monitoring import EarlyAccuracy
from rayal.encoders._moco.setup import pretraining
from rayal.encoders._training.progress import Pace


def main(folder: Path, rank: int) -> None:
    """Do a share of each step, and say nothing."""
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    job: crew.Job = pickle.loads((folder / crew.JOB).read_bytes())
    torch.set_num_threads(job.threads)
    if torch.cuda.is_available():
        torch.cuda.set_device(rank)
    (folder / crew.READY.format(rank)).touch()
    mine = team.join(folder, rank, job.size)
    network, training = pretraining(job.images.open(), job.settings, mine)
    pace = Pace(job.settings.schedule, lambda said: None)
    training.run(pace, EarlyAccuracy(network, None, pace), job.keep)
    team.leave()


def _end_with_the_first() -> None:
    """Wait for the end of the input, which comes when the process that started this one is gone."""
    os.read(0, 1)  # a buffered read would hold a lock that the interpreter's end waits for
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
