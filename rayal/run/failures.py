"""What components raise, as text that can be kept and shown, and as failures of trials.

Whatever a component raises is its trials' failure, a SystemExit or KeyboardInterrupt of its own
included. What is not its failure passes: PASSING.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator, Sequence

from rayal.credentials import text_to_keep
from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.run.signals import StopRequestedError
from rayal.storage.files import StoreError
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial

PASSING = (StoreError, StopRequestedError)
LONGEST_MESSAGE, LONGEST_TRACE = 10_000, 1_000_000  # characters


class EncodingError(Exception):
    """An encoder failed in another process. As text, for not every exception can be sent."""

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message, trace)
        self.message, self.trace = message, trace


def error_message(error: BaseException) -> str:
    """Return `Type: message` as text that can be kept, whatever the exception does."""
    if isinstance(error, EncodingError):
        return error.message
    try:
        message = str(error)
    except BaseException as another:  # noqa: BLE001 - raised by the exception's own __str__
        message = f"(its message cannot be shown: __str__ raised {type(another).__name__})"
    return text_to_keep(f"{type(error).__name__}: {message}", LONGEST_MESSAGE)


def error_trace(error: BaseException) -> str:
    """Return the traceback as text that can be kept."""
    if isinstance(error, EncodingError):
        return error.trace
    return text_to_keep("".join(traceback.format_exception(error)), LONGEST_TRACE)


def root_cause(error: BaseException) -> BaseException:
    """Return what was raised in another process, out of the errors that carried it here."""
    while isinstance(cause := getattr(error, "cause", None), BaseException):
        error = cause
    return error


@contextlib.contextmanager
def sendable_errors() -> Iterator[None]:
    """Raise what the body raises as an exception that every process can read.

    Raises:
        StoreError: raised by the body, as it is.
        EncodingError: for anything else, a SystemExit included.
    """
    try:
        yield
    except PASSING:
        raise
    except BaseException as error:  # noqa: BLE001 - a component may raise anything
        cause = root_cause(error)
        if isinstance(cause, (*PASSING, EncodingError)):
            raise cause from None
        raise EncodingError(error_message(cause), error_trace(cause)) from None


def fail_all(
    trials: Sequence[Trial], store: RunStore, events: Listener, error: BaseException
) -> None:
    """Leave the same failure for every trial that needed one embedding."""
    message, trace = error_message(error), error_trace(error)
    for trial in trials:
        store.save_failure(trial.id, trial.definition(), message, trace)
        events.trial_ended(trial, Outcome(trial.id, message))
