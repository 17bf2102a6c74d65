"""A place for a run on each kind of storage: a disk, and object stores."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rayal.storage import lease, object_cache
from rayal.storage.held_run import lock_run
from rayal.storage.location import Address, Location
from rayal.storage.run import RunStore
from tests.storage import object_stores as servers

Start = Callable[[str], servers.Server]


@pytest.fixture(scope="session")
def start_server() -> Iterator[Start]:
    """Starts the object store of a scheme, once."""
    started: dict[str, servers.Server] = {}
    with contextlib.ExitStack() as running:

        def start(scheme: str) -> servers.Server:
            if scheme not in started:
                started[scheme] = running.enter_context(servers.server(scheme))
            return started[scheme]

        yield start


@pytest.fixture(params=servers.SCHEMES)
def server(request: pytest.FixtureRequest, start_server: Start) -> servers.Server:
    return start_server(request.param)


@pytest.fixture
def place(
    server: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Address]:
    """An address in an object store at which nothing lies yet."""
    with _address_in(server, tmp_path, monkeypatch) as address:
        yield address


@pytest.fixture(params=["disk", *servers.SCHEMES])
def root(
    request: pytest.FixtureRequest,
    start_server: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Location]:
    """Where a run may lie: the same test on each kind of storage."""
    if request.param == "disk":
        yield tmp_path / "run"
        return
    with _address_in(start_server(request.param), tmp_path, monkeypatch) as address:
        yield address


@pytest.fixture
def held(tmp_path: Path) -> Iterator[RunStore]:
    """A run on a disk, locked."""
    with lock_run(tmp_path / "run", "mine") as store:
        yield store


@contextlib.contextmanager
def _address_in(
    server: servers.Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Address]:
    server.name_in(monkeypatch)
    monkeypatch.setenv("RAYAL_CACHE", str(folder / "cache"))
    monkeypatch.setattr(lease, "RENEW_SECONDS", 1.0)
    monkeypatch.setattr(lease, "STALE_SECONDS", 4.0)
    object_cache.of_bucket.cache_clear()
    yield Address(f"{server.scheme}://{servers.BUCKET}/{uuid.uuid4().hex}/run")
    object_cache.of_bucket.cache_clear()
