"""What components raise is kept as text, whatever it is."""

import pickle

import pytest

from rayal.run.failures import (
    LONGEST_MESSAGE,
    EncodingError,
    error_message,
    error_trace,
    sendable_errors,
)
from rayal.run.signals import StopRequestedError
from rayal.storage.files import StoreError


class MuteError(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise SystemExit(0)


class NoTextError(Exception):
    """Its text is none."""

    def __str__(self) -> str:
        return 3  # type: ignore[return-value]


class UnsendableError(Exception):
    """Cannot be made again from its arguments."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no"), "ValueError: no"),
        (MuteError(), "MuteError: (its message cannot be shown: __str__ raised SystemExit)"),
        (NoTextError(), "NoTextError: (its message cannot be shown: __str__ raised TypeError)"),
        (ValueError("caf\udce9"), "ValueError: caf\\udce9"),
        (SystemExit(0), "SystemExit: 0"),
    ],
)
def test_every_exception_has_a_message_and_a_trace_that_can_be_encoded(
    error: BaseException, message: str
) -> None:
    assert error_message(error) == message
    error_trace(error).encode()


def test_a_message_and_a_trace_keep_no_password() -> None:
    try:
        raise ConnectionError("https://me:s3cret@host/?token=s3cret does not answer")
    except ConnectionError as error:
        kept = error_message(error) + error_trace(error)
    assert "s3cret" not in kept
    assert "https://***@host/?token=*** does not answer" in kept


def test_a_message_of_any_length_is_cut() -> None:
    assert len(error_message(ValueError("x" * 10_000_000))) < LONGEST_MESSAGE + 100


@pytest.mark.parametrize("error", [UnsendableError("a", "b"), SystemExit(3), KeyboardInterrupt()])
def test_what_is_raised_in_another_process_can_be_sent(error: BaseException) -> None:
    with pytest.raises(EncodingError) as raised, sendable_errors():
        raise error
    sent = pickle.loads(pickle.dumps(raised.value))
    assert error_message(sent) == error_message(error)
    assert type(error).__name__ in error_trace(sent)


@pytest.mark.parametrize("error", [StoreError("full"), StopRequestedError()])
def test_a_full_store_and_a_signal_are_no_failures(error: BaseException) -> None:
    with pytest.raises(type(error)), sendable_errors():
        raise error
