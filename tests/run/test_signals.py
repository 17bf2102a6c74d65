import os
import signal
import time

import pytest

from rayal.run.signals import STOP_SIGNALS, StopRequestedError, interruptible


@pytest.mark.usefixtures("heard_hangup")
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_each_signal_that_asks_to_stop_interrupts_and_handlers_come_back(
    number: signal.Signals,
) -> None:
    before = signal.getsignal(number)

    def stop() -> None:
        with interruptible():
            os.kill(os.getpid(), number)
            time.sleep(5)

    with pytest.raises(StopRequestedError):
        stop()
    assert signal.getsignal(number) == before


def test_a_hangup_that_is_ignored_stays_so_as_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.1)
    finally:
        signal.signal(signal.SIGHUP, before)
