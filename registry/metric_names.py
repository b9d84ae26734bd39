"""Names of metrics in MLflow, which takes only some characters; classes and segments may contain any."""

from __future__ import annotations

import hashlib
import posixpath
import re

MAX_LENGTH = 250
_DIGEST_LENGTH = 8
_TAKEN = re.compile(r"[/\w.\- :]+")
_REFUSED = re.compile(r"[^/\w.\- :]")


def metric_name(name: str) -> str:
    """The name of a metric in MLflow: the name itself if MLflow takes it.

    Otherwise each refused character becomes an underscore, and the beginning of the name's hash is added, because
    another name may differ only in such characters: ``test_precision/A+`` becomes ``test_precision/A_.b7aac494``.
    """
    if _is_taken(name):
        return name
    # MLflow reads a name as a path, which it requires to be its shortest form
    parts = [part if part.strip(". ") else "_" for part in _REFUSED.sub("_", name).split("/")]
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{'/'.join(parts)[: MAX_LENGTH - 1 - _DIGEST_LENGTH]}.{digest}"


def _is_taken(name: str) -> bool:
    """Whether MLflow takes the name of a metric unchanged."""
    is_path = posixpath.normpath(name) == name and not name.startswith(("/", "..")) and name != "."
    return is_path and len(name) <= MAX_LENGTH and _TAKEN.fullmatch(name) is not None
