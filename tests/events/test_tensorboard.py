import json
from pathlib import Path

from rayal.cli import sweep
from rayal.events.tensorboard import TensorboardTracker
from rayal.sweep.plan import Plan
from tests import sweeps
from tests.events.records import record
from tests.events.tracker_checks import needs, send_one_twice


@needs("tensorboardX", "tensorboard")
def test_tensorboard_reads_a_folder_per_trial(tmp_path: Path, plan: Plan) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker = TensorboardTracker(tmp_path / "events")
    first, second = plan.trials
    send_one_twice(tracker, plan)
    assert TensorboardTracker(tmp_path / "events").complete_trials() == {first.id}
    tracker.trial_recorded(second, record(second.id))
    folders = sorted((tmp_path / "events").iterdir())
    assert len(folders) == 2
    [folder] = [f for f in folders if f.name.endswith(first.id)]
    events = EventAccumulator(str(folder))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("auc")][:2] == [(10, 0.5), (20, 0.75)]
    assert "_hparams_/experiment" in events.PluginTagToContent("hparams")


@needs("tensorboardX")
def test_a_finished_sweep_can_be_given_a_tracker_later(
    tmp_path: Path,
) -> None:
    path = sweeps.write_sweep(tmp_path, strategies=["random"])
    run = [str(path), "--out", str(tmp_path / "run"), "--local", "--no-report"]
    assert sweep.main(run) == 0
    for _ in range(2):
        assert sweep.main([*run, "--set", f"track.tensorboard={tmp_path / 'events'}"]) == 0
        shown = [folder.name.rpartition("-")[2] for folder in (tmp_path / "events").iterdir()]
        assert sorted(shown) == sorted(sweeps.records(tmp_path / "run"))
    events = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").open()]
    assert sum(event["event"] == "trial_done" for event in events) == 6
