"""Which cluster `--address auto` joins: what this user or root has written and runs, no other."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayal.run.ray import trust
from rayal.run.ray.errors import ClusterError

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def cluster_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    return tmp_path / "ray" / trust.CLUSTER_FILE


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc without processes."""
    folder = tmp_path / "proc"
    (folder / "net").mkdir(parents=True)
    (folder / "net" / "tcp").write_text("  sl  local_address\n")
    return folder


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def listed(proc: Path, address: str, user: int) -> None:
    """Let a user listen at an address, as Linux lists it."""
    port = int(address.rpartition(":")[2])
    fields = f"0: 0100007F:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000"
    (proc / "net" / "tcp").write_text(f"header\n  {fields} {user} 0 1\n")


def test_a_cluster_that_this_user_has_started_is_found(cluster_file: Path, listening: str) -> None:
    cluster_file.write_text(f"{listening}\n")
    assert trust.find_cluster() == listening


@as_root
def test_a_file_of_another_user_is_not_followed(cluster_file: Path, listening: str) -> None:
    cluster_file.write_text(listening)
    os.chown(cluster_file, NOBODY, NOBODY)
    with pytest.raises(ClusterError, match=f"was written by the user {NOBODY}.*--address HOST"):
        trust.find_cluster()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_followed(
    cluster_file: Path, tmp_path: Path, listening: str, kind: str
) -> None:
    if kind == "link":
        (tmp_path / "mine").write_text(listening)
        cluster_file.symlink_to(tmp_path / "mine")
    elif kind == "pipe":
        os.mkfifo(cluster_file)
    else:
        cluster_file.mkdir()
    with pytest.raises(ClusterError, match=r"cannot be read|is no plain file"):
        trust.find_cluster()


@pytest.mark.parametrize("text", ["", "\x1b[31m127.0.0.1:6379", "a b:1", "x" * 10_000])
def test_what_is_no_address_is_refused_and_not_repeated(cluster_file: Path, text: str) -> None:
    cluster_file.write_text(text)
    with pytest.raises(ClusterError, match="holds no address") as refused:
        trust.find_cluster()
    assert not text or text not in str(refused.value)


def test_a_port_at_which_another_user_listens_now_is_refused(
    cluster_file: Path, proc: Path
) -> None:
    cluster_file.write_text("127.0.0.1:6379")
    listed(proc, "127.0.0.1:6379", NOBODY)
    with pytest.raises(ClusterError, match=f"the user {NOBODY} listens now"):
        trust.find_cluster(proc)
    listed(proc, "127.0.0.1:6379", os.geteuid())
    assert trust.find_cluster(proc) == "127.0.0.1:6379"


def test_a_cluster_that_has_ended_is_told_at_once(cluster_file: Path, proc: Path) -> None:
    cluster_file.write_text("127.0.0.1:6379")
    with pytest.raises(ClusterError, match=r"no Ray cluster answers at '127.0.0.1:6379'"):
        trust.find_cluster(proc)


@as_root
@pytest.mark.usefixtures("cluster_file")
def test_a_raylet_of_this_user_is_found_and_that_of_another_is_not(proc: Path) -> None:
    command = b"/ray/core/src/ray/raylet/raylet\0--gcs-address=127.0.0.1:7001\0"
    for name in ("1", "2"):
        (proc / name).mkdir()
        (proc / name / "cmdline").write_bytes(command.replace(b"7001", b"700" + name.encode()))
    os.chown(proc / "1", NOBODY, NOBODY)
    listed(proc, "127.0.0.1:7002", 0)
    assert trust.find_cluster(proc) == "127.0.0.1:7002"
    os.chown(proc / "2", NOBODY, NOBODY)
    with pytest.raises(ClusterError, match="no Ray cluster of yours is found"):
        trust.find_cluster(proc)
