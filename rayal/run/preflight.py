"""What a sweep's resources ask of the machine, for the checks before it starts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rayal.doctor.request import Mode, Request
from rayal.storage.location import Location
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial, encoding_stages
from rayal.sweep.plan import Plan
from rayal.sweep.schema import Resources

FEATURES = 128  # dimensions of features that are not made yet, at the least


def request_for(
    resources: Resources,
    mode: Mode,
    out: Location | None,
    feature_bytes: int = 0,
    disk_bytes: int = 0,
) -> Request:
    """Return what the checks hold against the machine.

    Args:
        resources: of the sweep.
        mode: where it is to run.
        out: where results go; an address has no disk.
        feature_bytes: that workers share, at the least.
        disk_bytes: that the run writes, at the least.
    """
    shares = [resources.pretrain, *resources.trial_shares]
    return Request(
        mode=mode,
        cpus=max(share.cpus for share in shares),
        machine_cpus=resources.machine_cpus,
        gpus=max(share.gpus for share in shares),
        feature_bytes=feature_bytes,
        disk_bytes=disk_bytes,
        out=out if isinstance(out, Path) else None,
        can_grow=resources.autoscale is not None,
    )


def shared_bytes(plan: Plan, todo: Sequence[Trial]) -> int:
    """A low estimate of what workers share: the features and images that these trials read."""
    total = 0
    for stage in encoding_stages(todo).values():
        data = plan.datasets[stage.trials[0].dataset_name]
        total += (data.train + data.test) * (4 * FEATURES + math.prod(data.image_shape))
    return total


def written_bytes(plan: Plan, todo: Sequence[Trial], store: RunStore) -> int:
    """A low estimate of what a run writes."""
    needed = 20_000_000 + sum(2_000 + 10 * trial.schedule[-1] for trial in todo)
    for key, trial in plan.embeddings.items():
        if not store.artifacts.is_complete(key):
            data = plan.datasets[trial.dataset_name]
            views = int(trial.encoder.params.get("views", 0))
            needed += 4 * FEATURES * (data.train * (1 + views) + data.test)
    return needed
