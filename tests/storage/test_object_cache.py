"""What this machine keeps of a run in an object store."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from rayal.storage import manifest, synced_dir
from rayal.storage.files import StoreError, files_of
from rayal.storage.location import Address
from rayal.storage.run import RunStore
from tests.storage import object_stores as servers
from tests.storage.records import embedding


def test_an_embedding_comes_back_as_it_was_on_every_machine(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = embedding()
    RunStore(place).artifacts.save("key", before, {"seconds": 1})
    for machine in ("cache", "another"):
        monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / machine))
        after = RunStore(place).artifacts.embedding("key")
        np.testing.assert_array_equal(after.train, before.train)
        np.testing.assert_array_equal(after.views, before.views)
        assert isinstance(after.train, np.memmap)
        assert after.map is not None
        assert after.weights is not None
        assert RunStore(place).artifacts.about("key") == {"key": "key", "seconds": 1}
        found = RunStore(place).artifacts.dataset_map("key")
        assert found is not None
        np.testing.assert_array_equal(found.count, np.arange(6))
    assert not list(tmp_path.rglob(".making-*"))


def test_an_artefact_is_fetched_once_per_machine(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: servers.Server
) -> None:
    RunStore(place).artifacts.save("key", embedding(), {})
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "another"))
    with servers.through(servers.Proxy(server), monkeypatch) as proxy:
        threads = [
            threading.Thread(target=RunStore(place).artifacts.embedding, args=("key",))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum("GET" in r and "train.npy" in r for r in proxy.requests) == 1


def test_an_artefact_that_is_half_uploaded_is_none(place: Address) -> None:
    held = RunStore(place)
    held.artifacts.save("key", embedding(), {})
    held.files.remove(held.artifacts.folder("key") / manifest.NAME)
    assert not held.artifacts.is_complete("key")
    held.artifacts.save("key", embedding(), {})
    assert held.artifacts.is_complete("key")


def test_a_damaged_artefact_is_named_and_counts_as_none(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = RunStore(place)
    held.artifacts.save("key", embedding(), {})
    held.files.write(held.artifacts.folder("key") / "train.npy", b"\x93NUMPY other")
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "another"))
    with pytest.raises(StoreError, match=r"train\.npy is not what .* it is made again"):
        held.artifacts.embedding("key")
    assert not held.artifacts.is_complete("key")


def test_what_an_encoder_keeps_goes_on_on_another_machine_and_goes_when_it_is_done(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = RunStore(place)
    with held.artifacts.checkpoint_dir("key") as folder:
        (folder / "moco.pt").write_bytes(b"epoch 3")
    assert held.artifacts.has_checkpoint("key")
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "another"))
    with held.artifacts.checkpoint_dir("key") as folder:
        assert (folder / "moco.pt").read_bytes() == b"epoch 3"
    held.artifacts.save("key", embedding(), {})
    assert held.files.list_files(held.artifacts.checkpoint_folder("key")) == {}


YEAR = 365 * 86_400.0


def epoch(place: Address, number: int) -> None:
    """Train from what is kept to an epoch."""
    with RunStore(place).artifacts.checkpoint_dir("key") as folder:
        (folder / "moco.pt").write_text(f"epoch {number}")


def kept(place: Address) -> str:
    with RunStore(place).artifacts.checkpoint_dir("key") as folder:
        return (folder / "moco.pt").read_text()


@pytest.mark.parametrize("ahead", [YEAR, -YEAR], ids=["ahead", "behind"])
def test_a_machine_with_a_wrong_clock_goes_on_from_the_latest_epoch_of_all(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    now = time.time() + ahead
    epoch(place, 3)
    [here] = (tmp_path / "cache").rglob("moco.pt")
    os.utime(here, (now, now))
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "another"))
    assert kept(place) == "epoch 3"
    epoch(place, 5)
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "cache"))
    assert kept(place) == "epoch 5"


@pytest.mark.parametrize("ahead", [YEAR, -YEAR], ids=["ahead", "behind"])
def test_an_epoch_that_was_not_uploaded_yet_is_gone_on_with_and_uploaded(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    now = time.time() + ahead
    epoch(place, 3)
    [here] = (tmp_path / "cache").rglob("moco.pt")
    here.write_text("epoch 4")  # and the machine went down
    os.utime(here, (now, now))
    assert kept(place) == "epoch 4"
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "another"))
    assert kept(place) == "epoch 4"


def test_a_copy_of_which_nothing_is_known_gives_way_to_what_was_uploaded(
    place: Address, tmp_path: Path
) -> None:
    epoch(place, 3)
    [here] = (tmp_path / "cache").rglob("moco.pt")
    here.write_text("epoch 9, of who knows what")
    (here.parent / ".synced.json").write_text("{")
    assert kept(place) == "epoch 3"


def test_what_was_not_changed_is_neither_fetched_nor_uploaded_again(
    place: Address, server: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch(place, 3)
    with servers.through(servers.Proxy(server), monkeypatch) as proxy:
        assert kept(place) == "epoch 3"
        sent = [line for line in proxy.requests if "moco.pt" in line and line[:3] in ("PUT", "POS")]
        assert sent == []


def test_what_an_encoder_keeps_is_uploaded_while_it_trains(
    place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synced_dir, "SYNC_SECONDS", 0.1)
    held = RunStore(place)
    with held.artifacts.checkpoint_dir("key") as folder:
        (folder / "moco.pt").write_bytes(b"epoch 1")
        until = threading.Event()
        for _ in range(100):
            if held.files.list_files(held.artifacts.checkpoint_folder("key")):
                break
            until.wait(0.1)
        assert held.files.read(held.artifacts.checkpoint_folder("key") / "moco.pt") == b"epoch 1"


def test_lines_are_added_to_what_earlier_starts_wrote(place: Address) -> None:
    for start in range(2):
        append = files_of(place).open_append(place / "log.jsonl")
        append(f"{start}\n")
        append("")
    assert files_of(place).read(place / "log.jsonl") == b"0\n1\n"
