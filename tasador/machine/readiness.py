"""Whether a process can do its work, and if not why: what its `/readyz` answers."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request

_TIMEOUT_S = 2.0
_NOT_YET = "it does not answer yet"


def is_ready(url: str) -> bool:
    """Whether `/readyz` under this address answers 200."""
    return not why_not_ready(url)


def why_not_ready(url: str) -> str:
    """The reasons that `/readyz` under this address gives; empty if the process is ready."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=_TIMEOUT_S):  # noqa: S310 - http
            return ""
    except urllib.error.HTTPError as error:
        return _reasons(error)
    except (OSError, http.client.HTTPException):
        return _NOT_YET


def _reasons(error: urllib.error.HTTPError) -> str:
    try:
        return "; ".join(map(str, json.load(error)["reasons"])) or _NOT_YET
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return _NOT_YET
