"""Who is told what, in which order, and who waits for whom."""

import threading

import pytest

from rayal.events.dispatch import Dispatcher
from rayal.events.outcome import Outcome
from rayal.storage.run import RunStore
from rayal.sweep.plan import Plan
from tests.events.notebook import Notebook
from tests.events.recorder import Recorder
from tests.events.records import record


def test_listeners_hear_in_order_and_are_given_records(plan: Plan, store: RunStore) -> None:
    first, second = plan.trials
    store.save_record(first.id, record(first.id))
    notebook, display = Notebook(), Recorder()
    with Dispatcher(display, [notebook], plan, store) as events:
        events.trials_running(1)
        events.trial_ended(second, Outcome(second.id, "ValueError: x"))
        store.save_record(second.id, record(second.id))
        events.trial_ended(second, Outcome(second.id))
    assert notebook.events == [
        ("sweep started", 1),
        ("earlier", first.id, 5.0),
        ("running", 1),
        ("ended", second.id, "ValueError: x"),
        ("ended", second.id, ""),
        ("recorded", second.id, 5.0),
        ("sweep ended", "finished"),
    ]
    assert [outcome.error for outcome in display.outcomes] == ["ValueError: x", ""]


def test_a_listener_that_fails_is_left_and_the_others_go_on(plan: Plan, store: RunStore) -> None:
    class Broken(Notebook):
        name = "broken"

        def trials_running(self, count: int) -> None:
            raise OSError("no space left")

    broken, notebook, display = Broken(), Notebook(), Recorder()
    with Dispatcher(display, [broken, notebook], plan, store) as events:
        events.trials_running(1)
        events.trials_running(2)
    assert ("running", 2) in notebook.events
    assert broken.events == [("sweep started", 2), ("sweep ended", "finished")]
    assert display.messages == [
        "broken stopped following (OSError: no space left); the run goes on, and its records "
        "are whole"
    ]


def test_a_listener_that_fails_at_the_end_too_is_told_of_once(plan: Plan, store: RunStore) -> None:
    class Broken(Notebook):
        name = "broken"

        def trials_running(self, count: int) -> None:
            raise OSError("no space left")

        def sweep_ended(self, reason: str) -> None:
            raise OSError("no space left")

    display = Recorder()
    with Dispatcher(display, [Broken()], plan, store) as events:
        events.trials_running(1)
    assert len(display.messages) == 1


def test_a_slow_listener_keeps_neither_the_runner_nor_the_others_waiting(
    plan: Plan, store: RunStore
) -> None:
    may_go_on, heard = threading.Event(), threading.Event()

    class Slow(Notebook):
        def sweep_started(self, remaining: int) -> None:
            assert may_go_on.wait(30)

    class Quick(Notebook):
        def trials_running(self, count: int) -> None:
            heard.set()

    with Dispatcher(Recorder(), [Slow(), Quick()], plan, store) as events:
        events.trials_running(1)
        assert heard.wait(30)
        may_go_on.set()


def test_what_was_not_told_when_the_sweep_is_interrupted_is_dropped(
    plan: Plan, store: RunStore
) -> None:
    started, may_go_on = threading.Event(), threading.Event()

    class Slow(Notebook):
        def sweep_started(self, remaining: int) -> None:
            started.set()
            assert may_go_on.wait(30)

    def interrupt(slow: Slow) -> None:
        with Dispatcher(Recorder(), [slow], plan, store) as events:
            events.trials_running(1)
            assert started.wait(30)
            threading.Timer(0.2, may_go_on.set).start()
            raise KeyboardInterrupt

    slow = Slow()
    with pytest.raises(KeyboardInterrupt):
        interrupt(slow)
    assert slow.events == [("sweep ended", "interrupted")]


def test_a_listener_that_is_added_later_hears_of_the_start_and_of_earlier_records(
    plan: Plan, store: RunStore
) -> None:
    first, _ = plan.trials
    store.save_record(first.id, record(first.id))
    late = Notebook()
    with Dispatcher(Recorder(), [], plan, store) as events:
        events.trials_running(1)
        events.add(late)
        events.trials_running(2)
    assert late.events == [
        ("sweep started", 1),
        ("earlier", first.id, 5.0),
        ("running", 2),
        ("sweep ended", "finished"),
    ]
