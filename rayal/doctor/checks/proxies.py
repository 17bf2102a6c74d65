"""Proxies: Ray's services talk to one another by HTTP and gRPC, which a proxy leaves waiting.

rayal keeps proxies away from the hosts of Ray. A proxy that does not answer stops downloads alone.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from rayal.doctor.check import check
from rayal.doctor.finding import Finding
from rayal.doctor.request import HERE, Request

LOOPBACK = ("localhost", "127.0.0.1", "::1")
NO_PROXY = ("no_proxy", "NO_PROXY", "no_grpc_proxy")  # who reads which differs by library
SECONDS = 0.2  # for a proxy to take a connection


@dataclass(frozen=True)
class Proxies:
    """The proxies of the environment by variable, and those that take no connection."""

    named: dict[str, str]
    silent: tuple[str, ...] = ()


def proxies() -> dict[str, str]:
    """The variables of the environment that name a proxy."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.lower().endswith("_proxy") and value and name not in NO_PROXY
    }


def bypass_proxies(*hosts: str) -> None:
    """Keep proxies away from hosts, in this process and those that it starts."""
    if not proxies():
        return
    listed = [host for name in NO_PROXY for host in os.environ.get(name, "").split(",")]
    merged = dict.fromkeys([*(host.strip() for host in listed if host.strip()), *hosts])
    os.environ.update(dict.fromkeys(NO_PROXY, ",".join(merged)))


def _measure(request: Request) -> Proxies:
    named = proxies()
    addresses = dict.fromkeys(named.values())
    return Proxies(named, tuple(address for address in addresses if not _answers(address)))


def _answers(address: str) -> bool:
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        with socket.create_connection((parts.hostname or "", parts.port or 80), SECONDS):
            return True
    except (OSError, ValueError):
        return False


@check("proxies", _measure, modes=HERE)
def _judge(facts: Proxies, request: Request) -> Finding:
    threshold = "none between Ray's services"
    if not facts.named:
        return Finding("ok", "none", threshold)
    measured = f"{', '.join(facts.named)} set"
    bypassed = f"{' and '.join(LOOPBACK[:2])} are reached without"
    if facts.silent:
        unset = f"unset {' '.join(facts.named)}"
        silent = f"{measured}, no answer at {_without_secrets(facts.silent[0])}"
        mend = f"{bypassed}; for downloads: {unset}"
        return Finding("mended", silent, threshold, mend)
    return Finding("mended", measured, threshold, bypassed)


def _without_secrets(address: str) -> str:
    """Return an address without the user and the password that it may name."""
    return address.rpartition("@")[2].rpartition("//")[2]
