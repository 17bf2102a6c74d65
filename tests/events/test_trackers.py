"""Trackers against their real local back ends, and who is told what while a sweep runs."""

import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from rayal.cli import sweep
from rayal.events import listener_thread as follower
from rayal.events import trackers
from rayal.events.dispatch import Watched
from rayal.events.jsonl import Log
from rayal.events.listener import Listener
from rayal.events.mlflow import TAG, MlflowRuns
from rayal.events.outcome import Outcome
from rayal.events.tensorboard import TensorboardEvents
from rayal.events.tracker import Tracker, metrics, parameters
from rayal.events.wandb import WandbOffline
from rayal.storage import run as store
from rayal.storage.formats import Record, make_record
from rayal.storage.run import RunStore
from rayal.sweep.errors import SweepError
from rayal.sweep.file import Sweep, load_sweep
from rayal.sweep.plan import Plan, make_plan
from tests import sweeps
from tests.events.bars import Recorder


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Two trials of two rounds."""
    cycles = {
        "initial": ["random"],
        "strategies": ["margin"],
        "budgets": None,
        "cycles": {"start": 10, "step": 10, "rounds": 2},
        "seeds": 2,
    }
    path = sweeps.write_sweep(tmp_path_factory.mktemp("plan"), **cycles)
    return make_plan(load_sweep(path))


def record(trial: str = "", auc: float = 0.5) -> Record:
    rounds = [
        {"round": 0, "budget": 10, "labelled": 10, "auc": auc, "coverage": float("nan")},
        {"round": 1, "budget": 10, "labelled": 20, "auc": auc + 0.25, "selected": [1, 2]},
    ]
    rounds = [{**row, "select_seconds": 0.5, "train_seconds": 2.0} for row in rounds]
    return make_record(trial, {}, {}, "here", rounds)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[RunStore]:
    with store.lock_run(tmp_path / "run", "small") as found:
        yield found


def needs(*packages: str) -> pytest.MarkDecorator:
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}")


# What is shown ---------------------------------------------------------------------


def test_parameters_are_flat_and_metrics_are_finite(plan: Plan) -> None:
    flat = parameters(plan.trials[0])
    assert flat["strategy"] == "margin"
    assert flat["strategy.class_balanced"] == "None"
    assert flat["schedule"] == "10 20"
    assert all(isinstance(value, str | int | float | bool) for value in flat.values())
    first, second = metrics(record())
    assert first == (10, {"auc": 0.5, "select_seconds": 0.5, "train_seconds": 2.0})
    assert second[0] == 20
    assert second[1]["auc"] == 0.75


# Each back end ---------------------------------------------------------------------


@needs("mlflow", "sqlalchemy", "alembic")
@pytest.mark.slow
def test_mlflow_holds_one_run_per_trial_with_a_value_per_round(tmp_path: Path, plan: Plan) -> None:
    uri = f"sqlite:///{tmp_path / 'runs.db'}"
    tracker = MlflowRuns(uri, "small")
    first, second = plan.trials
    done_once(tracker, plan)
    client = tracker._client
    half = client.create_run(tracker._experiment, tags={TAG: second.id})  # as a killed driver does
    again = MlflowRuns(uri, "small")
    assert again.known() == {first.id}
    again.earlier(first, record())
    again.earlier(second, record())
    runs = client.search_runs([tracker._experiment])
    assert sorted(run.data.tags[TAG] for run in runs) == sorted([first.id, second.id])
    assert half.info.run_id not in {run.info.run_id for run in runs}
    [run] = [run for run in runs if run.data.tags[TAG] == first.id]
    assert run.info.status == "FINISHED"
    assert run.data.params["strategy"] == "margin"
    history = client.get_metric_history(run.info.run_id, "auc")
    assert [(point.step, point.value) for point in history] == [(10, 0.5), (20, 0.75)]


@needs("tensorboardX", "tensorboard")
def test_tensorboard_reads_a_folder_per_trial(tmp_path: Path, plan: Plan) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker = TensorboardEvents(tmp_path / "events")
    first, second = plan.trials
    done_once(tracker, plan)
    assert TensorboardEvents(tmp_path / "events").known() == {first.id}
    tracker.trial_ended(second, Outcome(second.id), record())
    folders = sorted((tmp_path / "events").iterdir())
    assert len(folders) == 2
    [folder] = [f for f in folders if f.name.endswith(first.id)]
    events = EventAccumulator(str(folder))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("auc")][:2] == [(10, 0.5), (20, 0.75)]
    assert "_hparams_/experiment" in events.PluginTagToContent("hparams")


@needs("wandb")
@pytest.mark.slow
def test_wandb_writes_a_run_per_trial_without_a_network(held: RunStore, plan: Plan) -> None:
    tracker = WandbOffline(held.root, "small")
    first, second = plan.trials
    done_once(tracker, plan)
    assert WandbOffline(held.root, "small").known() == {first.id}
    (held.root / "wandb" / f"offline-run-20200101_000000-{second.id}").mkdir()  # half written
    tracker.trial_ended(second, Outcome(second.id), record())
    runs = sorted((held.root / "wandb").glob("offline-run-*"))
    assert len(runs) == 2
    [events] = [next(run.glob("*.wandb")) for run in runs if run.name.endswith(first.id)]
    logged = [dict(row) for row in wandb_history(events)]
    assert [(row["_step"], row["auc"]) for row in logged] == [(10, 0.5), (20, 0.75)]


def wandb_history(events: Path) -> Iterator[dict[str, Any]]:
    """The rows of a run's file: after 7 bytes, a log of LevelDB's form; none here is split."""
    from wandb.proto import wandb_internal_pb2

    data, at = events.read_bytes(), 7
    while at + 7 < len(data):
        length = int.from_bytes(data[at + 4 : at + 6], "little")
        assert data[at + 6] == 1, "a whole record"
        said = wandb_internal_pb2.Record()
        said.ParseFromString(data[at + 7 : at + 7 + length])
        at += 7 + length
        if said.WhichOneof("record_type") == "history":
            items = said.history.item
            yield {i.key or ".".join(i.nested_key): json.loads(i.value_json) for i in items}


def done_once(tracker: Tracker, plan: Plan) -> None:
    """Send the first trial twice; a failed one is not sent."""
    first, second = plan.trials
    tracker.trial_ended(first, Outcome(first.id), record())
    tracker._known = tracker.known()
    tracker.earlier(first, record())
    tracker.trial_ended(second, Outcome(second.id, "ValueError: x"), None)
    assert tracker.known() == {first.id}


# Before anything starts ------------------------------------------------------------


def tracked(folder: Path, **track: str) -> Sweep:
    return load_sweep(sweeps.write_sweep(folder, track=track))


def test_a_tracker_that_is_not_installed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: None)
    for option, value in (("mlflow", "sqlite:///x.db"), ("tensorboard", "x"), ("wandb", "offline")):
        with pytest.raises(SweepError, match=rf"pip install 'rayal\[{option}\]'"):
            trackers.open_trackers(tracked(tmp_path, **{option: value}), tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SweepError, match=r"track\.tensorboard cannot be used"):
        trackers.open_trackers(tracked(tmp_path, tensorboard=str(tmp_path / "file/x")), tmp_path)


@needs("mlflow")
@pytest.mark.slow
def test_a_server_that_does_not_answer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    asked = tracked(tmp_path, mlflow="http://127.0.0.1:9")
    with pytest.raises(SweepError, match=r"track\.mlflow cannot be used"):
        trackers.open_trackers(asked, tmp_path)


def test_a_password_in_the_sweep_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="MLFLOW_TRACKING_PASSWORD") as refused:
        trackers.open_trackers(tracked(tmp_path, mlflow="http://me:secret@host"), tmp_path)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("track", [{"wandb": "online"}, {"mlfow": "x"}, {"mlflow": 3}])
def test_what_track_does_not_know_is_refused(tmp_path: Path, track: dict[str, Any]) -> None:
    with pytest.raises(SweepError, match="track"):
        tracked(tmp_path, **track)


def test_no_client_is_imported_for_a_sweep_without_trackers(tmp_path: Path) -> None:
    code = (
        "import sys, rayal.sweep, rayal.events.trackers; "
        "print({'mlflow', 'wandb', 'tensorboardX', 'ray'} & set(sys.modules))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=sweeps.environment(),
        check=True,
    )  # fmt: skip
    assert said.stdout.strip() == "set()"


# Who is told what ------------------------------------------------------------------


class Notes(Listener):
    """Writes down what it is told."""

    name = "notes"

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def began(self, todo: int) -> None:
        self.told.append(("began", todo))

    def earlier(self, trial: Any, record: Any) -> None:
        self.told.append(("earlier", trial.id, record["seconds"]))

    def running(self, trials: int) -> None:
        self.told.append(("running", trials))

    def trial_ended(self, trial: Any, outcome: Outcome, record: Any) -> None:
        self.told.append(("ended", trial.id, outcome.error, record and record["seconds"]))

    def ended(self, how: str) -> None:
        self.told.append(("last", how))


def test_listeners_hear_in_order_and_are_given_records(plan: Plan, held: RunStore) -> None:
    first, second = plan.trials
    held.save_record(first.id, record(first.id))
    notes, bar = Notes(), Recorder()
    with Watched(bar, [notes], plan, held) as watched:
        watched.running(1)
        watched.trial_ended(Outcome(second.id, "ValueError: x"))
        held.save_record(second.id, record(second.id))
        watched.trial_ended(Outcome(second.id))
    assert notes.told == [
        ("began", 1),
        ("earlier", first.id, 5.0),
        ("running", 1),
        ("ended", second.id, "ValueError: x", None),
        ("ended", second.id, "", 5.0),
        ("last", "finished"),
    ]
    assert [outcome.error for outcome in bar.outcomes] == ["ValueError: x", ""]


def test_a_damaged_record_of_an_earlier_start_is_left_out_and_named(
    plan: Plan, held: RunStore
) -> None:
    first, second = plan.trials
    held.save_record(first.id, record(first.id))
    (held.root / "records" / f"{second.id}.json").write_text("{")
    notes, bar = Notes(), Recorder()
    with Watched(bar, [notes], plan, held):
        pass
    assert notes.told == [("began", 0), ("earlier", first.id, 5.0), ("last", "finished")]
    assert [note.partition(": ")[0] for note in bar.notes] == ["notes leaves out a trial"]


def test_earlier_records_are_not_read_for_who_does_not_listen(
    plan: Plan, held: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for trial in plan.trials:
        held.save_record(trial.id, record(trial.id))
    read = []
    monkeypatch.setattr(RunStore, "records", lambda self, ids: read.append(ids))
    with Watched(Recorder(), [Log(held.root)], plan, held):
        pass
    assert read == []


def test_a_listener_that_fails_is_left_and_the_others_go_on(plan: Plan, held: RunStore) -> None:
    class Broken(Notes):
        name = "broken"

        def running(self, trials: int) -> None:
            raise OSError("no space left")

    broken, notes, bar = Broken(), Notes(), Recorder()
    with Watched(bar, [broken, notes], plan, held) as watched:
        watched.running(1)
        watched.running(2)
    assert ("running", 2) in notes.told
    assert broken.told == [("began", 2), ("last", "finished")]
    assert bar.notes == [
        "broken stopped following (OSError: no space left); the run goes on, and its records "
        "are whole"
    ]


def test_a_slow_listener_keeps_neither_the_runner_nor_the_others_waiting(
    plan: Plan, held: RunStore
) -> None:
    free, heard = threading.Event(), threading.Event()

    class Slow(Notes):
        def began(self, todo: int) -> None:
            assert free.wait(30)

    class Quick(Notes):
        def running(self, trials: int) -> None:
            heard.set()

    with Watched(Recorder(), [Slow(), Quick()], plan, held) as watched:
        watched.running(1)
        assert heard.wait(30)
        free.set()


def test_what_was_not_told_when_the_sweep_is_interrupted_is_dropped(
    plan: Plan, held: RunStore
) -> None:
    began, go_on = threading.Event(), threading.Event()

    class Slow(Notes):
        def began(self, todo: int) -> None:
            began.set()
            assert go_on.wait(30)

    def interrupt(slow: Slow) -> None:
        with Watched(Recorder(), [slow], plan, held) as watched:
            watched.running(1)
            assert began.wait(30)
            threading.Timer(0.2, go_on.set).start()
            raise KeyboardInterrupt

    slow = Slow()
    with pytest.raises(KeyboardInterrupt):
        interrupt(slow)
    assert slow.told == [("last", "interrupted")]


def test_a_record_that_shows_late_is_waited_for_and_a_lost_one_left_out(
    plan: Plan, held: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "RETRY_SECONDS", 0.2)
    first, second = plan.trials
    notes, bar = Notes(), Recorder()
    with Watched(bar, [notes], plan, held) as watched:
        watched.trial_ended(Outcome(first.id))
        watched.trial_ended(Outcome(second.id))
        held.save_record(first.id, record(first.id))
    assert [told[1] for told in notes.told if told[0] == "ended"] == [first.id]
    assert len(bar.notes) == 1
    assert second.id in bar.notes[0]


# The log ---------------------------------------------------------------------------


def test_the_log_has_a_line_of_json_per_event_with_the_trial(plan: Plan, held: RunStore) -> None:
    first, second = plan.trials
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    for _ in range(2):  # the second start goes on in the same file
        with Watched(Recorder(), [Log(held.root, lambda: noon)], plan, held) as watched:
            stage = watched.stage(first)
            stage.update({"epoch": 1.0})
            stage.done()
            watched.trials_started([first.id, second.id])
            held.save_record(first.id, record(first.id))
            watched.trial_ended(Outcome(first.id))
            watched.trial_ended(Outcome(second.id, "ValueError: x\ny"))
    lines = [json.loads(line) for line in (held.root / "log.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines[:7]] == [
        "sweep_started", "stage_started", "stage_ready", "trials_started", "trial_done",
        "trial_failed", "sweep_ended",
    ]  # fmt: skip
    assert len(lines) == 14
    assert {line["time"] for line in lines} == {"2026-01-01T12:00:00.000+00:00"}
    assert lines[3]["trials"] == [first.id, second.id]
    assert lines[4]["trial"] == first.id
    assert lines[4]["seconds"] == 5.0
    assert lines[5]["error"] == "ValueError: x\ny"
    assert lines[5]["strategy"] == "margin"


# A whole sweep ---------------------------------------------------------------------


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
