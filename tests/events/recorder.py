"""A display for tests: it shows nothing and keeps what it was told."""

from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.sweep.definition import Trial


class Recorder(Listener):
    """Keeps messages and outcomes."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.outcomes: list[Outcome] = []

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def message(self, text: str) -> None:
        self.messages.append(text)
