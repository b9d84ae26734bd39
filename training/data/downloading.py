"""Downloads a file over HTTP, only if it has changed, with limits on size and on the server's silence."""

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
REPORT_EVERY_S = 2.0
NOT_MODIFIED = 304


def download(url: str, sources: SourcesSettings, folder: Path, progress: Progress) -> Path:
    """Download a file into the cache, unless it is unchanged since an earlier download (by its ETag or date).

    Args:
        url: http or https.
        sources: the server's longest silence, and the largest size.
        folder: of the download cache.
        progress: called every two seconds with the number of bytes received.

    Returns:
        The file's path in the cache.

    Raises:
        DataError: the server cannot be reached, is silent for too long, or has no such file; or the file is too large.
    """
    record = folder / f"url-{hashlib.sha256(url.encode()).hexdigest()[:16]}.json"
    cached = _read_record(record, folder)
    headers = {"User-Agent": "tasador"} | _conditions(cached)
    request = Request(url, headers=headers)  # noqa: S310 - the scheme is checked
    try:
        with urlopen(request, timeout=sources.timeout_s) as response:  # noqa: S310 - as above
            file = _receive(response, without_query(url), sources.max_bytes, folder, progress)
            validators = {key: response.headers[key] for key in ("ETag", "Last-Modified") if key in response.headers}
    except HTTPError as error:
        if error.code == NOT_MODIFIED and cached:
            return folder / str(cached["file"])
        raise DataError(f"{without_query(url)}: the server returned {error.code} {error.reason}") from error
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        copy = f"; an earlier copy is {folder / cached['file']}" if cached else ""
        raise DataError(f"{without_query(url)}: cannot be downloaded: {reason}{copy}") from error
    record.write_text(json.dumps(validators | {"file": file.name}), encoding="utf-8")
    return file


def without_query(url: str) -> str:
    """The URL for messages and records, without its query, which may contain a secret."""
    parts = urlsplit(url)
    return parts._replace(query="…" if parts.query else "", fragment="").geturl()


def _receive(response: Any, name: str, max_bytes: int, folder: Path, progress: Progress) -> Path:
    expected = int(response.headers.get("Content-Length") or 0)
    if expected > max_bytes:
        raise DataError(_too_large(name, max_bytes))
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, suffix=".part") as part:
        received = _copy(response, part, lambda: progress(f"{name}: {part.tell():,} bytes"), max_bytes)
        if received > max_bytes:
            raise DataError(_too_large(name, max_bytes))
        if expected and received < expected:
            raise DataError(f"{name}: ended after {received:,} of {expected:,} bytes")
        part.flush()
        try:
            return download_cache.store_file(Path(part.name), folder)
        except DataError as error:
            raise DataError(str(error).replace(part.name, name)) from error


def _copy(response: Any, part: IO[bytes], report: Callable[[], None], max_bytes: int) -> int:
    """Copy until the end, or one chunk past the limit; returns the number of bytes."""
    received, reported_at = 0, monotonic()
    while received <= max_bytes and (chunk := response.read(CHUNK_BYTES)):
        received += part.write(chunk)
        if monotonic() - reported_at > REPORT_EVERY_S:
            report()
            reported_at = monotonic()
    return received


def _too_large(name: str, max_bytes: int) -> str:
    return f"{name}: is larger than {max_bytes:,} bytes (sources.max_bytes)"


def _read_record(record: Path, folder: Path) -> dict[str, str]:
    """The record of an earlier download; empty if there is none or its file is gone."""
    try:
        cached: dict[str, str] = json.loads(record.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return cached if (folder / cached["file"]).exists() else {}


def _conditions(cached: dict[str, str]) -> dict[str, str]:
    names = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
    return {condition: cached[name] for name, condition in names.items() if name in cached}
