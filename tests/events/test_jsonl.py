import json
from datetime import datetime, timezone
from pathlib import Path

from rayal.events.dispatch import Dispatcher
from rayal.events.jsonl import JsonLinesLog, LatestStart, read_latest_start
from rayal.events.outcome import Outcome
from rayal.storage.run import RunStore
from rayal.sweep.plan import Plan
from tests.events.recorder import Recorder
from tests.events.records import record


def test_the_log_has_a_line_of_json_per_event_with_the_trial(plan: Plan, store: RunStore) -> None:
    assert isinstance(store.root, Path)
    first, second = plan.trials
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    for _ in range(2):  # the second start goes on in the same file
        log = JsonLinesLog(store.root, lambda: noon)
        with Dispatcher(Recorder(), [log], plan, store) as events:
            events.encoding_started(first)
            events.encoding_progress(first, {"epoch": 1.0})
            events.encoding_finished(first, 1.0)
            events.trials_started([first.id, second.id])
            store.save_record(first.id, record(first.id))
            events.trial_ended(first, Outcome(first.id))
            events.trial_ended(second, Outcome(second.id, "ValueError: x\ny"))
    lines = [json.loads(line) for line in (store.root / "log.jsonl").read_text().splitlines()]
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


def test_the_latest_start_is_read_and_lines_that_are_none_are_passed_over(tmp_path: Path) -> None:
    assert read_latest_start(tmp_path) == LatestStart()
    lines = [
        {"event": "sweep_started"}, {"event": "trials_started", "trials": ["a"]},
        {"event": "sweep_ended", "how": "interrupted"}, {"event": "sweep_started"}, ["event"], 3,
        {"event": "stage_started", "artefact": "key"}, {"event": "trials_started", "trials": ["b"]},
        {"event": "trials_started"}, {"event": "trials_started", "trials": 5},
    ]  # fmt: skip
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"event": "sweep_')
    assert read_latest_start(tmp_path) == LatestStart({"b"}, {"key"}, began=True)
    with log.open("a") as more:
        more.write('\n{"event": "sweep_ended", "how": "interrupted"}\n')
    assert read_latest_start(tmp_path).ended == "interrupted"
