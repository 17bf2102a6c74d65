import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rayal.events.wandb import WandbTracker
from rayal.storage.run import RunStore
from rayal.sweep.plan import Plan
from tests.events.records import record
from tests.events.tracker_checks import needs, send_one_twice


@needs("wandb")
@pytest.mark.slow
def test_wandb_writes_a_run_per_trial_without_a_network(store: RunStore, plan: Plan) -> None:
    tracker = WandbTracker(store.root, "small")
    first, second = plan.trials
    send_one_twice(tracker, plan)
    assert WandbTracker(store.root, "small").complete_trials() == {first.id}
    assert isinstance(store.root, Path)
    (store.root / "wandb" / f"offline-run-20200101_000000-{second.id}").mkdir()  # half-written
    tracker.trial_recorded(second, record(second.id))
    runs = sorted((store.root / "wandb").glob("offline-run-*"))
    assert len(runs) == 2
    [events] = [next(run.glob("*.wandb")) for run in runs if run.name.endswith(first.id)]
    logged = [dict(row) for row in wandb_history(events)]
    assert [(row["_step"], row["auc"]) for row in logged] == [(10, 0.5), (20, 0.75)]


@needs("wandb")
def test_the_list_of_finished_runs_is_not_written_through_a_link(store: RunStore) -> None:
    assert isinstance(store.root, Path)
    other = store.root / "other"
    other.write_text("mine")
    (store.root / "wandb").mkdir()
    (store.root / "wandb/whole").symlink_to(other)
    with pytest.raises(OSError, match="it is a link"):
        WandbTracker(store.root, "small")
    assert other.read_text() == "mine"


def wandb_history(events: Path) -> Iterator[dict[str, Any]]:
    """The rows of a run's file: after 7 bytes, a log of LevelDB's form; none here is split."""
    from wandb.proto import wandb_internal_pb2

    data, at = events.read_bytes(), 7
    while at + 7 < len(data):
        length = int.from_bytes(data[at + 4 : at + 6], "little")
        assert data[at + 6] == 1, "a complete record"
        entry = wandb_internal_pb2.Record()
        entry.ParseFromString(data[at + 7 : at + 7 + length])
        at += 7 + length
        if entry.WhichOneof("record_type") == "history":
            items = entry.history.item
            yield {i.key or ".".join(i.nested_key): json.loads(i.value_json) for i in items}
