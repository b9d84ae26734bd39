"""A file from the web: sent again only when it has changed, of a limited size, and never waited for forever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import monotonic
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from schemas.errors import DataError
from schemas.sections import SourcesSettings
from training.data import download_cache
from training.progress import Progress

CHUNK_BYTES = 1 << 16
TELL_EVERY_S = 2.0
NOT_MODIFIED = 304


def download(url: str, sources: SourcesSettings, folder: Path, progress: Progress) -> Path:
    """Bring a file onto the download_cache.

    Args:
        url: http or https.
        sources: how long the server may be silent, and how large a file may be.
        folder: the download_cache.
        progress: is told every two seconds how much has come.

    Returns:
        Where it lies. What has not changed since an earlier download, by its ETag or date, is not sent again.

    Raises:
        DataError: the server cannot be reached, is silent for too long, has no such file, or one that is too large.
    """
    memo = folder / f"url-{hashlib.sha256(url.encode()).hexdigest()[:16]}.json"
    known = _recall(memo, folder)
    request = Request(url, headers={"User-Agent": "tasador"} | _conditions(known))  # noqa: S310 - the scheme is checked
    try:
        with urlopen(request, timeout=sources.timeout_s) as reply:  # noqa: S310 - as above
            file = _receive(reply, shown(url), sources.max_bytes, folder, progress)
            validators = {key: reply.headers[key] for key in ("ETag", "Last-Modified") if key in reply.headers}
    except HTTPError as error:
        if error.code == NOT_MODIFIED and known:
            return folder / str(known["file"])
        raise DataError(f"{shown(url)}: the server answers {error.code} {error.reason}") from error
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(f"{shown(url)}: cannot be downloaded: {reason}{_copy_of(known, folder)}") from error
    memo.write_text(json.dumps(validators | {"file": file.name}), encoding="utf-8")
    return file


def shown(url: str) -> str:
    """A URL for people and records, without its query, which may hold a secret."""
    parts = urlsplit(url)
    return parts._replace(query="…" if parts.query else "", fragment="").geturl()


def _receive(reply: Any, name: str, max_bytes: int, folder: Path, progress: Progress) -> Path:
    expected = int(reply.headers.get("Content-Length") or 0)
    if expected > max_bytes:
        raise DataError(_too_large(name, max_bytes))
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, suffix=".part") as part:
        received = _copy(reply, part, lambda: progress(f"{name}: {part.tell():,} bytes"), max_bytes)
        if received > max_bytes:
            raise DataError(_too_large(name, max_bytes))
        if expected and received < expected:
            raise DataError(f"{name}: ended after {received:,} of {expected:,} bytes")
        part.flush()
        return download_cache.put(Path(part.name), folder)


def _copy(reply: Any, part: IO[bytes], tell: Callable[[], None], max_bytes: int) -> int:
    """Bytes that came; one chunk past the limit it stops."""
    received, told = 0, monotonic()
    while received <= max_bytes and (chunk := reply.read(CHUNK_BYTES)):
        received += part.write(chunk)
        if monotonic() - told > TELL_EVERY_S:
            tell()
            told = monotonic()
    return received


def _too_large(name: str, max_bytes: int) -> str:
    return f"{name}: is larger than {max_bytes:,} bytes (sources.max_bytes)"


def _recall(memo: Path, folder: Path) -> dict[str, str]:
    """What is known of an earlier download whose file still lies there."""
    try:
        known: dict[str, str] = json.loads(memo.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return known if (folder / known["file"]).exists() else {}


def _conditions(known: dict[str, str]) -> dict[str, str]:
    names = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
    return {condition: known[name] for name, condition in names.items() if name in known}


def _copy_of(known: dict[str, str], folder: Path) -> str:
    return f"; an earlier copy is {folder / known['file']}" if known else ""
