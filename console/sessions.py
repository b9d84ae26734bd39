"""Sessions of browsers: opened with an API key, kept in memory, and ended by time, by hand, or with the key."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from operations.keys import ApiKey, KeyRing

_MAX_SESSIONS = 1000
_TOKEN_BYTES = 32


@dataclass
class _Session:
    ends_s: float
    digests: set[str] = field(default_factory=set)


class Sessions:
    """The sessions of one process.

    A token has 256 random bits and is stored as its SHA-256, so there is no secret that signs sessions, and none that
    could keep its default value. A restart ends all sessions.

    Args:
        rings: the keys of each domain, read again every second: a revoked key ends what it permits.
        lifetime_s: after this time an operator logs in again.
    """

    def __init__(self, rings: Mapping[str, KeyRing], lifetime_s: float) -> None:
        self._rings = rings
        self._lifetime_s = lifetime_s
        self._sessions: dict[str, _Session] = {}

    @property
    def are_keys_known(self) -> bool:
        """Whether the keys have been read."""
        return all(ring.is_read for ring in self._rings.values())

    def open(self, key: bytes, token: str | None = None) -> str | None:
        """Open a session with a key, or add the key to the session of a token; returns the new token.

        None if no domain knows the key.
        """
        found = {stored.sha256 for ring in self._rings.values() if (stored := ring.find(key))}
        if not found:
            return None
        now_s = time.monotonic()
        self._sessions = {name: each for name, each in self._sessions.items() if each.ends_s > now_s}
        if len(self._sessions) >= _MAX_SESSIONS:
            self._sessions.pop(min(self._sessions, key=lambda name: self._sessions[name].ends_s))
        earlier = self._sessions.pop(_digest(token), None) if token else None
        opened = secrets.token_urlsafe(_TOKEN_BYTES)
        digests = found | (earlier.digests if earlier else set())
        self._sessions[_digest(opened)] = _Session(now_s + self._lifetime_s, digests)
        return opened

    def close(self, token: str) -> None:
        """End the session of a token."""
        self._sessions.pop(_digest(token), None)

    def caller(self, token: str | None, domain: str) -> ApiKey | None:
        """The key in force with which the session of a token was opened for a domain; None without one."""
        session = self._sessions.get(_digest(token)) if token else None
        if session is None or session.ends_s <= time.monotonic():
            return None
        ring = self._rings[domain]
        found = [key for digest in session.digests if (key := ring.find_digest(digest))]
        return next((key for key in found if key.role == "operator"), found[0] if found else None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
