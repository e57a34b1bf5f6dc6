"""The one place where an address becomes a target. Nothing here can be pointed at another machine."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")

_started: set[int] = set()


class NotOurs(AssertionError):
    """Something was aimed at an address or port that this range did not start."""


def free_port() -> int:
    """A free TCP port on loopback, remembered as one of ours."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _started.add(port)
    return port


def ours(host: str, port: int) -> None:
    """Refuse anything but a loopback address and a port of a service started by this process."""
    if ipaddress.ip_address(host) not in LOOPBACK:
        raise NotOurs(f"{host} is not a loopback address")
    if port not in _started:
        raise NotOurs(f"port {port} was not started by this range")


def ours_url(url: str) -> str:
    parts = urlsplit(url)
    ours(parts.hostname or "", parts.port or 80)
    return url
