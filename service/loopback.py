"""Which hosts are this machine: what listens there alone, and by which names programs of the machine call it."""

from __future__ import annotations

import ipaddress

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine in a `Host` header; any other may be a foreign page's, which resolves to this machine."""


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
