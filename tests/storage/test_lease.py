"""Who may write to a run in an object store."""

import json
import multiprocessing
import os
import threading

import pytest

from rayal.storage import lease
from rayal.storage.files import StoreError, files_of
from rayal.storage.held_run import lock_run
from rayal.storage.lease import Lease
from rayal.storage.location import Address

pytestmark = pytest.mark.slow


def _claim_and_die(place: Address) -> None:
    with lock_run(place, "mine"):
        os._exit(9)


def test_a_killed_holder_on_this_machine_is_replaced_at_once(
    place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_claim_and_die, args=(place,))
    process.start()
    process.join()
    assert process.exitcode == 9
    monkeypatch.setattr(lease, "STALE_SECONDS", 1e6)
    assert files_of(place).holder_has_ended(place)
    with lock_run(place, "mine"):
        assert not files_of(place).holder_has_ended(place)
    assert not files_of(place).holder_has_ended(place)


def test_a_dead_holder_elsewhere_is_replaced_when_its_lease_is_stale(place: Address) -> None:
    about = {"holder": "process 7 on afar", "machine": "afar", "process": 7}
    files_of(place).write(place / ".lock" / "x.json", json.dumps(about).encode())
    assert not files_of(place).holder_has_ended(place)  # as far as this machine can see
    with lock_run(place, "mine") as held:
        assert len(held.files.list_files(place / ".lock")) == 1


def test_a_holder_whose_lease_was_taken_over_is_interrupted(place: Address) -> None:
    files = files_of(place)

    def hold() -> None:
        with Lease(files, place):
            for name in files.list_files(place / ".lock"):
                files.remove(place / ".lock" / name)
            threading.Event().wait(30)

    with pytest.raises(StoreError, match="was taken over by another process"):
        hold()


def test_a_lease_that_was_given_back_is_not_removed(
    place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder may put it again between the look and the removal."""
    files, removed = files_of(place), []
    asking = Lease(files, place)
    monkeypatch.setattr(files, "remove", removed.append)
    asking._remove_dead("withdrawn.json")
    assert removed == []


def test_of_many_that_start_at_the_same_moment_never_two_hold(place: Address) -> None:
    files = files_of(place)
    most, ended = [0], []
    count, lock = [0], threading.Lock()
    start = threading.Barrier(4)

    def compete() -> None:
        start.wait()
        try:
            with Lease(files, place):
                with lock:
                    count[0] += 1
                    most[0] = max(most[0], count[0])
                threading.Event().wait(2)
                with lock:
                    count[0] -= 1
                ended.append("held")
        except StoreError:
            ended.append("refused")

    threads = [threading.Thread(target=compete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] <= 1
    assert len(ended) == 4
