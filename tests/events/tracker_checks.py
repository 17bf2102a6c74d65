"""What every tracker is held to."""

import importlib.util

import pytest

from rayal.events.outcome import Outcome
from rayal.events.tracker import Tracker
from rayal.sweep.plan import Plan
from tests.events.records import record


def needs(*packages: str) -> pytest.MarkDecorator:
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}")


def send_one_twice(tracker: Tracker, plan: Plan) -> None:
    """Send the first trial twice; the second one fails, and is not sent."""
    first, second = plan.trials
    tracker.trial_ended(first, Outcome(first.id))
    tracker.trial_recorded(first, record(first.id))
    tracker._complete = tracker.complete_trials()
    tracker.earlier_record(first, record(first.id))
    tracker.trial_ended(second, Outcome(second.id, "ValueError: x"))
    assert tracker.complete_trials() == {first.id}
