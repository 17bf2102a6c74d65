"""Records that a listener is shown: read in its own thread, and only where it wants to see them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rayal.events import listener_thread
from rayal.events.dispatch import Dispatcher
from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.storage.run import RunStore
from rayal.sweep.plan import Plan
from tests.events.notebook import Notebook
from tests.events.recorder import Recorder
from tests.events.records import record


def test_a_damaged_record_of_an_earlier_start_is_left_out_and_named(
    plan: Plan, store: RunStore
) -> None:
    first, second = plan.trials
    store.save_record(first.id, record(first.id))
    assert isinstance(store.root, Path)
    (store.root / "records" / f"{second.id}.json").write_text("{")
    notebook, display = Notebook(), Recorder()
    with Dispatcher(display, [notebook], plan, store):
        pass
    assert notebook.events == [
        ("sweep started", 0), ("earlier", first.id, 5.0), ("sweep ended", "finished"),
    ]  # fmt: skip
    assert [text.partition(": ")[0] for text in display.messages] == ["notebook leaves out a trial"]


def test_records_are_not_read_for_who_does_not_want_to_see_them(
    plan: Plan, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = plan.trials
    store.save_record(first.id, record(first.id))
    read: list[str] = []

    def read_one(self: RunStore, trial: str) -> dict[str, Any]:
        read.append(trial)
        return record

    def read_many(self: RunStore, trials: Sequence[str]) -> list[dict[str, Any]]:
        read.extend(trials)
        return [record for _ in trials]

    monkeypatch.setattr(RunStore, "record", read_one)
    monkeypatch.setattr(RunStore, "records", read_many)
    with Dispatcher(Recorder(), [Listener()], plan, store) as events:
        events.trial_ended(second, Outcome(second.id))
    assert read == []


def test_a_record_that_shows_late_is_waited_for_and_a_lost_one_left_out(
    plan: Plan, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_thread, "RETRY_SECONDS", 0.2)
    first, second = plan.trials
    notebook, display = Notebook(), Recorder()
    with Dispatcher(display, [notebook], plan, store) as events:
        events.trial_ended(first, Outcome(first.id))
        events.trial_ended(second, Outcome(second.id))
        store.save_record(first.id, record(first.id))
    assert [event[1] for event in notebook.events if event[0] == "recorded"] == [first.id]
    assert len(display.messages) == 1
    assert second.id in display.messages[0]
