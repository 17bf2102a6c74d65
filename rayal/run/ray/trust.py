"""Which running cluster `--address auto` means, and whether its owner may be given a token.

Ray follows /tmp/ray/ray_current_cluster whoever wrote it, and sends the token with its first
request, in clear. Here only what this user or root has written or started counts, and nothing is
sent to an address of this machine before it is known that one of the two listens there.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from rayal.run.ray.errors import ClusterError

CLUSTER_FILE = "ray_current_cluster"  # written by `ray start`
LONGEST_ADDRESS = 300  # bytes
_ADDRESS = re.compile(r"[\w.:\[\]-]+:\d{1,5}")
_LISTENING = "0A"  # a socket's state in /proc/net/tcp


def find_cluster(proc: Path = Path("/proc")) -> str:
    """Return the address of the cluster that this user or root runs on this machine.

    Raises:
        ClusterError: there is none, or it is another user's.
    """
    path = _temporary_folder() / "ray" / CLUSTER_FILE
    address = _written_address(path) or _address_of_raylet(proc)
    if address is None:
        raise ClusterError(
            f"no Ray cluster of yours is found on this machine (neither {path} nor a raylet of "
            "yours or root's names one): give its address, --address HOST:6379, or start one with "
            "`ray start --head`"
        )
    _check_listener(address, proc)
    return address


def _temporary_folder() -> Path:
    """Where `ray start` keeps what it knows, as Ray works it out."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp")


def _written_address(path: Path) -> str | None:
    """Read the address that `ray start` left; None where there is no such file.

    Raises:
        ClusterError: the file is another user's, or no plain file, or holds no address.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ClusterError(_refusal(path, f"cannot be read ({error.strerror})")) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ClusterError(_refusal(path, "is no plain file"))
        if not _is_trusted(status.st_uid):
            raise ClusterError(_refusal(path, f"was written by the user {status.st_uid}"))
        address = os.read(descriptor, LONGEST_ADDRESS).decode("utf-8", "replace").strip()
    finally:
        os.close(descriptor)
    if not _ADDRESS.fullmatch(address):
        raise ClusterError(_refusal(path, "holds no address"))
    return address


def _refusal(path: Path, reason: str) -> str:
    return (
        f"--address auto: {path} {reason}; only a cluster that you or root have started is joined "
        "unseen, for joining sends it your token and runs what it answers. Give the address of "
        "the cluster that you mean, --address HOST:6379"
    )


def _is_trusted(user: int) -> bool:
    return user in (os.geteuid(), 0)


def _address_of_raylet(proc: Path) -> str | None:
    """The address that a raylet of this user or root was started with."""
    for folder in proc.glob("[0-9]*"):
        try:
            if not _is_trusted(folder.stat().st_uid):
                continue
            command = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:  # it has ended
            continue
        if Path(command[0]).name == "raylet":
            for word in command:
                name, _, address = word.partition("=")
                if name == "--gcs-address" and _ADDRESS.fullmatch(address):
                    return address
    return None


def _check_listener(address: str, proc: Path) -> None:
    """Refuse an address of this machine at which another user listens, or nobody.

    Raises:
        ClusterError: it is so.
    """
    host, _, port = address.rpartition(":")
    if not _is_of_this_machine(host.strip("[]")):
        return
    users = set(_users_listening(int(port), proc))
    if not users and (proc / "net" / "tcp").exists():
        raise ClusterError(
            f"no Ray cluster answers at '{address}', where yours was: start it again, or give the "
            "address of another, --address HOST:6379"
        )
    for user in users:
        if not _is_trusted(user):
            raise ClusterError(
                f"--address auto: at '{address}', where a cluster of yours was, the user {user} "
                "listens now; no token is sent there. Give the address of the cluster that you "
                "mean, --address HOST:6379"
            )


def _is_of_this_machine(host: str) -> bool:
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return any(_can_be_bound(str(address)) for address in addresses)


def _can_be_bound(address: str) -> bool:
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _users_listening(port: int, proc: Path) -> Iterator[int]:
    """The users whose sockets listen at a port of this machine, as Linux lists them."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield int(fields[7])
