import contextlib
import json
import multiprocessing
import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rayal.storage import lease, manifest, object_cache, object_store
from rayal.storage import run as store
from rayal.storage.files import StoreError, files_of
from rayal.storage.lease import Lease
from rayal.storage.location import Address, parse_location
from rayal.storage.run import Store
from tests.storage import object_stores as servers
from tests.storage.test_run_store import embedding, plan


@pytest.fixture(scope="module", params=servers.SCHEMES)
def server(request: pytest.FixtureRequest) -> Iterator[servers.Server]:
    with servers.server(request.param) as started:
        yield started


@pytest.fixture
def place(
    server: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Address]:
    server.name_in(monkeypatch)
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(lease, "RENEW_SECONDS", 1.0)
    monkeypatch.setattr(lease, "STALE_SECONDS", 4.0)
    object_cache.of_bucket.cache_clear()
    yield Address(f"{server.scheme}://{servers.BUCKET}/{uuid.uuid4().hex}/run")
    object_cache.of_bucket.cache_clear()


@contextlib.contextmanager
def through(proxy: servers.Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[servers.Proxy]:
    with proxy:
        proxy.reached.name_in(monkeypatch)
        object_cache.of_bucket.cache_clear()
        yield proxy
        object_cache.of_bucket.cache_clear()


@pytest.mark.parametrize("text", ["s3://b/runs/mine", "s3://b/runs/mine/", "gs://b/x"])
def test_an_address_keeps_its_slashes_and_counts_like_a_path(text: str) -> None:
    found = parse_location(text)
    assert isinstance(found, Address)
    assert str(found) == text.rstrip("/")
    assert (found / "records").name == "records"
    assert (found / "records").parent == found == found.resolve()


def test_anything_else_is_a_path() -> None:
    assert parse_location("runs/mine") == Path("runs/mine")


@pytest.mark.parametrize("text", ["ftp://b/x", "s3://", "file:///x"])
def test_an_address_of_no_object_store_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match="is no place for results"):
        files_of(Address(text))


@pytest.mark.parametrize("text", ["s3://key:hush@b/x", "s3://b/x?secret_key=hush"])
def test_a_password_in_an_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(StoreError, match="no passwords") as refused:
        files_of(Address(text))
    assert "hush" not in str(refused.value)


def test_a_record_means_finished_and_ends_partial_and_failure(place: Address) -> None:
    with store.claim(place, "mine") as held:
        held.save_partial("a", {"rounds": [1]})
        held.save_failure("a", {"seed": 1}, "ValueError: x", "Traceback")
        assert (held.finished(), held.failed(), held.under_way()) == (set(), {"a"}, {"a"})
        assert held.partial("a") == {"rounds": [1]}
        held.save_record("a", {"rounds": [1, 2]})
        assert (held.finished(), held.failed(), held.under_way()) == ({"a"}, set(), set())
        assert held.partial("a") is None


@pytest.mark.slow
@pytest.mark.parametrize("server", ["s3"], indirect=True)  # the emulator of gs:// has no pages
def test_more_records_than_one_page_holds_are_all_listed(place: Address) -> None:
    held = Store(place)
    names = [f"{number:04}" for number in range(1_050)]
    list(held.files.objects.in_parallel(lambda n: _put(held, n), names))  # type: ignore[attr-defined]
    assert held.finished() == set(names)
    assert [r["trial"] for r in held.records(names)] == names


def _put(held: Store, name: str) -> None:
    path = f"{held.root.key}/records/{name}.json"  # type: ignore[union-attr]
    with held.files.objects.system.open_output_stream(path) as stream:  # type: ignore[attr-defined]
        stream.write(json.dumps({"trial": name}).encode())


def test_a_run_is_read_back_with_what_is_left_out_counted(place: Address) -> None:
    held = Store(place)
    held.save_plan(plan("a", "b", "c"), "name: mine\n")
    held.save_record("a", {"trial": "a"})
    held.save_record("old", {"trial": "old"})
    held.save_failure("b", {"seed": 1}, "ValueError: x", "Traceback\n\nmore")
    run = store.read_run(place)
    assert [record["trial"] for record in run.records] == ["a"]
    assert run.left_out == 1
    assert [(f["trial"], f["trace"]) for f in run.failures] == [("b", "Traceback\n\nmore")]


def test_what_is_no_run_is_named(place: Address) -> None:
    with pytest.raises(StoreError, match=rf"{place} is not a run: it has no plan\.json"):
        store.read_run(place)


def test_an_embedding_comes_back_as_it_was_on_every_machine(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = embedding()
    Store(place).save_embedding("key", before, {"seconds": 1})
    for machine in ("cache", "another"):
        monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / machine))
        after = Store(place).embedding("key")
        np.testing.assert_array_equal(after.train, before.train)
        np.testing.assert_array_equal(after.views, before.views)
        assert isinstance(after.train, np.memmap)
        assert after.map is not None
        assert after.weights is not None
        assert Store(place).about("key") == {"seconds": 1}
        found = Store(place).dataset_map("key")
        assert found is not None
        np.testing.assert_array_equal(found.count, np.arange(6))
    assert not list(tmp_path.rglob(".making-*"))


def test_an_artefact_is_fetched_once_per_machine(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: servers.Server
) -> None:
    Store(place).save_embedding("key", embedding(), {})
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "another"))
    with through(servers.Proxy(server), monkeypatch) as proxy:
        threads = [threading.Thread(target=Store(place).embedding, args=("key",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum("GET" in r and "train.npy" in r for r in proxy.requests) == 1


def test_an_artefact_that_is_half_uploaded_is_none(place: Address) -> None:
    held = Store(place)
    held.save_embedding("key", embedding(), {})
    held.files.remove(held.artefact("key") / manifest.NAME)
    assert not held.has_embedding("key")
    held.save_embedding("key", embedding(), {})
    assert held.has_embedding("key")


def test_a_damaged_artefact_is_named_and_counts_as_none(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Store(place)
    held.save_embedding("key", embedding(), {})
    held.files.write(held.artefact("key") / "train.npy", b"\x93NUMPY other")
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "another"))
    with pytest.raises(StoreError, match=r"train\.npy is not what .* it is made again"):
        held.embedding("key")
    assert not held.has_embedding("key")


def test_the_second_writer_of_an_artefact_changes_nothing(place: Address) -> None:
    held, first = Store(place), embedding()
    held.save_embedding("key", first, {})
    held.save_embedding("key", store.Embedding(first.train + 1, first.test), {})
    np.testing.assert_array_equal(held.embedding("key").train, first.train)


def test_what_an_encoder_keeps_goes_on_on_another_machine_and_goes_when_it_is_done(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Store(place)
    with held.going_on("key") as folder:
        (folder / "moco.pt").write_bytes(b"epoch 3")
    assert held.has_unfinished("key")
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "another"))
    with held.going_on("key") as folder:
        assert (folder / "moco.pt").read_bytes() == b"epoch 3"
    held.save_embedding("key", embedding(), {})
    assert held.files.list_files(held.unfinished("key")) == {}


def test_what_an_encoder_keeps_is_uploaded_while_it_trains(
    place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_cache, "SYNC_SECONDS", 0.1)
    held = Store(place)
    with held.going_on("key") as folder:
        (folder / "moco.pt").write_bytes(b"epoch 1")
        until = threading.Event()
        for _ in range(100):
            if held.files.list_files(held.unfinished("key")):
                break
            until.wait(0.1)
        assert held.files.read(held.unfinished("key") / "moco.pt") == b"epoch 1"


def test_lines_are_added_to_what_earlier_starts_wrote(place: Address) -> None:
    for start in range(2):
        append = files_of(place).open_append(place / "log.jsonl")
        append(f"{start}\n")
        append("")
    assert files_of(place).read(place / "log.jsonl") == b"0\n1\n"


# Who may write -------------------------------------------------------------------------


def test_a_run_in_use_is_refused_and_names_the_holder(place: Address) -> None:
    with (
        store.claim(place, "mine"),
        pytest.raises(StoreError, match=rf"in use by process {os.getpid()} on"),
        store.claim(place, "mine"),
    ):
        pass
    with store.claim(place, "mine"):
        pass


def _claim_and_die(place: Address) -> None:
    store.claim(place, "mine").__enter__()
    os._exit(9)


def test_a_killed_holder_on_this_machine_is_replaced_at_once(
    place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_claim_and_die, args=(place,))
    process.start()
    process.join()
    assert process.exitcode == 9
    monkeypatch.setattr(lease, "STALE_SECONDS", 1e6)
    with store.claim(place, "mine"):
        pass


def test_a_dead_holder_elsewhere_is_replaced_when_its_lease_is_stale(place: Address) -> None:
    about = {"holder": "process 7 on afar", "machine": "afar", "process": 7}
    store.write_json(place / ".lock" / "x.json", about)
    with store.claim(place, "mine") as held:
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


def test_another_sweeps_run_and_other_objects_are_refused(place: Address) -> None:
    Store(place).save_plan(plan(), "")
    with pytest.raises(StoreError, match="belongs to the sweep 'mine', not to 'yours'"):
        store.claim(place, "yours").__enter__()
    files_of(place).write(place / "photos" / "thesis.tex", b"x")
    with pytest.raises(StoreError, match="holds other files and is no run"):
        store.claim(place / "photos", "mine").__enter__()


# What fails ----------------------------------------------------------------------------


def test_a_bucket_that_is_not_there_is_one_message(place: Address, server: servers.Server) -> None:
    with pytest.raises(StoreError, match=r"^(s3|gs)://nowhere: there is no such bucket; make it"):
        store.claim(Address(f"{server.scheme}://nowhere/run"), "mine").__enter__()


def test_access_denied_is_one_message_without_another_try(
    place: Address, server: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with through(servers.Proxy(server, denies=True), monkeypatch) as proxy:
        with pytest.raises(StoreError, match="the access is denied; see") as denied:
            store.claim(place, "mine").__enter__()
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
        store.claim(place, "mine").__enter__()


@pytest.mark.slow
def test_a_store_that_fails_one_request_in_ten_loses_nothing(
    place: Address, server: servers.Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with through(servers.Proxy(server, fails=0.1), monkeypatch) as proxy:
        with store.claim(place, "mine") as held:
            for number in range(10):
                held.save_partial(str(number), {"rounds": []})
                held.save_record(str(number), {"trial": str(number)})
            held.save_embedding("key", embedding(), {})
        monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "another"))
        assert Store(place).finished() == {str(number) for number in range(10)}
        assert Store(place).under_way() == set()
        assert len(Store(place).records([str(number) for number in range(10)])) == 10
        np.testing.assert_array_equal(Store(place).embedding("key").train, embedding().train)
        assert proxy.failed > 3
