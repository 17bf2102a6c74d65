"""The options that say where work on shards is done: --address, --workers, --gpus, --memory."""

from __future__ import annotations

import argparse
import math

from rayal.labeling.errors import LabelingError


def check_place_options(options: argparse.Namespace) -> None:
    """Refuse numbers out of bounds, and options that say nothing with or without a cluster.

    options: as given; a command need not have --gpus or --memory.

    Raises:
        LabelingError: which.
    """
    workers, gpus = options.workers, getattr(options, "gpus", 0.0)
    if workers is not None and workers < 1:
        raise LabelingError(f"--workers {workers} is out of bounds: 1 up")
    if not 0 <= gpus < math.inf:
        raise LabelingError(f"--gpus {gpus:g} is out of bounds: 0 up")
    if gpus > 1 and not gpus.is_integer():
        raise LabelingError(f"--gpus {gpus:g}: a part of one GPU, or a whole number of them")
    for name, value in (("workers", workers), ("gpus", gpus or None)):
        if value is not None and options.address is None:
            raise LabelingError(
                f"--{name} {value:g} is of a Ray cluster: name it, --address HOST:PORT or auto"
            )
    memory = getattr(options, "memory", None)
    if memory is not None and options.address is not None:
        raise LabelingError(
            f"--memory {memory} bounds this process, and --address gives the work to a cluster: "
            "leave out one of them"
        )
