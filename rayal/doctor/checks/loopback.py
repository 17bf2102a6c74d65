"""The loopback address 127.0.0.1, on which a Ray that rayal starts listens, and on no other."""

from __future__ import annotations

import socket

from rayal.doctor.check import check
from rayal.doctor.finding import Finding
from rayal.doctor.request import STARTED, Request

ADDRESS = "127.0.0.1"


def _measure(request: Request) -> bool:
    """Whether a service can listen there and be reached."""
    try:
        with socket.socket() as service:
            service.bind((ADDRESS, 0))
            service.listen(1)
            with socket.create_connection(service.getsockname(), timeout=1):
                return True
    except OSError:
        return False


@check("loopback", _measure, modes=STARTED)
def _judge(facts: bool, request: Request) -> Finding:
    threshold = f"{ADDRESS} takes connections"
    if facts:
        return Finding("ok", "it does", threshold)
    return Finding("fails", "it does not", threshold, "ip link set lo up, or use --local")
