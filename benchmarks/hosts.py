"""Hosts on one machine, each with a network of its own, and Ray on them.

Linux namespaces make them: `enter` starts a program again where it is alone with its processes,
mounts and network, in which it may do as it likes without being root. Each host is alone with its
own again, and has a folder of its own for Ray; the rest of the disk is the same for all, as on
nodes with a shared file system. Nothing is left when the program ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

INSIDE = "RAYAL_HOSTS_INSIDE"
SWITCH = "10.77.0.254"  # the address of the program itself
PORT = 6379


def can_enter() -> bool:
    """Whether this system gives namespaces to this user."""
    try:
        tried = subprocess.run([*_unshare(), "ip", "link"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return tried.returncode == 0


def enter(module: str, arguments: Sequence[str]) -> None:
    """Start a module again in namespaces, in place of this process; return if it is in them."""
    if os.environ.get(INSIDE):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the first process has no default
        _lay_network()
        return
    if not can_enter():
        sys.exit("hosts: Linux namespaces (unshare, from util-linux) and ip (iproute2) are needed")
    inside = [*_unshare(), sys.executable, "-m", module, *arguments]
    os.execvpe(inside[0], inside, {**os.environ, INSIDE: "1"})


_ALONE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
_OWN_FOLDER = 'mount --bind "$1" "$2" && exec sleep infinity'


def _unshare() -> list[str]:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return [*_ALONE, "--net", *user]


def _lay_network() -> None:
    _call("mount -t tmpfs none /run")  # where ip keeps names of networks
    _call("ip link set lo up")
    _call("ip link add switch type bridge")
    _call(f"ip address add {SWITCH}/24 dev switch")
    _call("ip link set switch up")


def _call(command: str) -> None:
    subprocess.run(command.split(), check=True)


@dataclass(frozen=True)
class Cluster:
    """What all hosts of one Ray cluster share."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def ray(self) -> Path:
        """Where each host finds a folder of its own."""
        return self.folder / "ray"

    @classmethod
    def in_folder(cls, folder: Path, settings: Mapping[str, str]) -> Cluster:
        """Make a cluster's token; settings are added to every process's environment."""
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TUNE_"))}
        ours = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        return cls(folder, {**kept, **ours, **settings})


class Host:
    """A host: `number` makes its name and address; number 1 is the head, without CPUs."""

    def __init__(self, number: int, cluster: Cluster) -> None:
        self.number, self._cluster = number, cluster
        self.name, self.address = f"h{number}", f"10.77.0.{number}"
        self._power: subprocess.Popen[bytes] | None = None
        self._ray: subprocess.Popen[bytes] | None = None
        self._own = cluster.folder / self.name
        self._own.mkdir()
        cluster.ray.mkdir(exist_ok=True)
        for command in (
            f"ip netns add {self.name}",
            f"ip link add {self._port} type veth peer name eth0 netns {self.name}",
            f"ip link set {self._port} master switch up",
            f"ip -n {self.name} link set lo up",
            f"ip -n {self.name} address add {self.address}/24 dev eth0",
            f"ip -n {self.name} link set eth0 up",
            f"ip -n {self.name} route add default via {SWITCH}",
        ):
            _call(command)

    @property
    def _port(self) -> str:
        return f"port{self.number}"

    @property
    def is_head(self) -> bool:
        return self.number == 1

    # Processes -----------------------------------------------------------------

    def _switch_on(self) -> int:
        """Start the first process of the host, if it is off; return its number."""
        if self._power is None or self._power.poll() is not None:
            self._power = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *_ALONE, "sh", "-c", _OWN_FOLDER, "sh",
                 str(self._own), str(self._cluster.ray)]
            )  # fmt: skip
        children = Path(f"/proc/{self._power.pid}/task/{self._power.pid}/children")
        while not (first := children.read_text().split()) or b"sleep" not in _command(first[0]):
            time.sleep(0.02)
        return int(first[0])

    def open(self, command: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
        """Start a command on the host, its output added to a file."""
        enter = ["nsenter", f"--target={self._switch_on()}", "--net", "--pid", "--mount"]
        with output.open("ab") as file:
            return subprocess.Popen(
                [*enter, *command],
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                env=dict(self._cluster.environment), cwd=self._cluster.folder,
            )  # fmt: skip

    def start_ray(self) -> None:
        """Start Ray, which stays until it is killed or gives up by itself."""
        where = (
            ["--head", f"--port={PORT}", f"--temp-dir={self._cluster.ray}", "--num-cpus=0",
             "--include-dashboard=false", "--no-monitor"]
            if self.is_head
            else [f"--address=10.77.0.1:{PORT}", "--num-cpus=1"]
        )  # fmt: skip
        command = [
            sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *where,
            f"--node-ip-address={self.address}", "--include-log-monitor=false",
            "--object-store-memory=200000000",
        ]  # fmt: skip
        self._ray = self.open(command, self._cluster.folder / f"{self.name}.txt")

    def has_ray(self) -> bool:
        """Whether Ray was started here and has not ended."""
        return self._ray is not None and self._ray.poll() is None

    def processes(self, title: str = "") -> list[int]:
        """Processes on the host whose command line holds a text."""
        network = Path(f"/run/netns/{self.name}").stat().st_ino
        processes = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                ours = (entry / "ns/net").stat().st_ino == network
                if ours and title in (entry / "cmdline").read_bytes().decode(errors="replace"):
                    processes.append(int(entry.name))
        return processes

    def send(self, number: signal.Signals, title: str) -> None:
        """Send a signal to the processes with a text in their command line."""
        for process in self.processes(title):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def kill(self) -> None:
        """Kill -9 of everything on the host, as when its power goes."""
        if self._power:
            self._power.kill()  # its first process goes with it, and all others with that
            self._power.wait()
        if self._ray:
            self._ray.wait()
        while self.processes():
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask Ray to end, as a node is asked that is to be taken away; kill what stays."""
        self.send(signal.SIGTERM, "ray.scripts.scripts")
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._ray:
                self._ray.wait(timeout=40)
        self.kill()

    # Network -------------------------------------------------------------------

    def cut(self) -> None:
        """Lose every packet from and to the host; nobody is told."""
        _call(f"ip link set {self._port} nomaster")

    def mend(self) -> None:
        _call(f"ip link set {self._port} master switch")

    def answers(self, port: int) -> bool:
        """Whether something listens on a port of the host."""
        with contextlib.suppress(OSError), socket.create_connection((self.address, port), 2):
            return True
        return False


def _command(process: str) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0]
