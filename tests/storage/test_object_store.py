"""Requests to an object store: many, refused, and failing."""

import json
from pathlib import Path

import numpy as np
import pytest

from rayal.storage import object_cache, object_store
from rayal.storage.files import StoreError
from rayal.storage.held_run import lock_run
from rayal.storage.location import Address
from rayal.storage.run import RunStore
from tests.storage import object_stores as servers
from tests.storage.records import embedding, record

pytestmark = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.parametrize("server", ["s3"], indirect=True)  # the emulator of gs:// has no pages
def test_more_records_than_one_page_holds_are_all_listed(place: Address) -> None:
    held = RunStore(place)
    names = [f"{number:04}" for number in range(1_050)]
    list(held.files.objects.in_parallel(lambda n: _put(held, n), names))  # type: ignore[attr-defined]
    assert held.finished() == set(names)
    assert [r["trial"] for r in held.records(names)] == names


def _put(held: RunStore, name: str) -> None:
    path = f"{held.root.key}/records/{name}.json"  # type: ignore[union-attr]
    with held.files.objects.system.open_output_stream(path) as stream:  # type: ignore[attr-defined]
        stream.write(json.dumps(record(name)).encode())


def test_a_bucket_that_is_not_there_is_one_message(place: Address, server: servers.Server) -> None:
    with pytest.raises(StoreError, match=r"^(s3|gs)://nowhere: there is no such bucket; make it"):
        lock_run(Address(f"{server.scheme}://nowhere/run"), "mine").__enter__()


def test_access_denied_is_one_message_without_another_try(
    place: Address, server: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with servers.through(servers.Proxy(server, denies=True), monkeypatch) as proxy:
        with pytest.raises(StoreError, match="the access is denied; see") as denied:
            lock_run(place, "mine").__enter__()
        assert len(proxy.requests) == 1
        assert servers.SECRET not in str(denied.value)


@pytest.mark.slow
def test_a_server_that_is_not_there_is_one_message(
    place: Address, server: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.at(f"http://127.0.0.1:{servers.free_port()}").name_in(monkeypatch)
    monkeypatch.setattr(object_store, "BACKOFF_SECONDS", (0.1, 0.1))
    object_cache.of_bucket.cache_clear()
    with pytest.raises(StoreError, match="does not answer after 3 tries"):
        lock_run(place, "mine").__enter__()


@pytest.mark.slow
def test_a_store_that_fails_one_request_in_ten_loses_nothing(
    place: Address, server: servers.Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with servers.through(servers.Proxy(server, fails=0.1), monkeypatch) as proxy:
        with lock_run(place, "mine") as held:
            for number in range(10):
                held.save_in_progress(str(number), record(str(number)))
                held.save_record(str(number), record(str(number)))
            held.artifacts.save("key", embedding(), {})
        monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "another"))
        assert RunStore(place).finished() == {str(number) for number in range(10)}
        assert RunStore(place).in_progress() == set()
        assert len(RunStore(place).records([str(number) for number in range(10)])) == 10
        np.testing.assert_array_equal(
            RunStore(place).artifacts.embedding("key").train, embedding().train
        )
        assert proxy.failed > 3
