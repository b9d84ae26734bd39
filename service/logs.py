"""Logs: one line a record on standard error, readable or JSON.

A message is a fixed phrase; what varies goes into `extra=`, so that lines can be searched and counted. Payloads and
secrets are never logged; passwords of configured addresses are masked even where a library puts them into an error.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import faststream  # noqa: F401 - its import adds a handler to its logger, which `configure` must replace

from schemas.settings import Settings
from service.trace_context import current_trace
from transport.address import passwords_of, without_password

logger = logging.getLogger(__name__)

BROKER = "faststream.broker"
"""Name of the logger to give a broker (``RedisBroker(logger=getLogger(BROKER))``); its own writes to stdout."""

_QUIET = ("alembic", "uvicorn", "urllib3")
"""Loggers whose information operators do not need."""

_STANDARD = {*vars(logging.makeLogRecord({})), "asctime", "color_message", "message", "taskName"}


def configure(settings: Settings) -> None:
    """Send every logger's records, FastStream's and uvicorn's too, to one handler on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    line = JsonLine if settings.log_format == "json" else TextLine
    handler.setFormatter(line(_passwords(settings)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    framework = logging.getLogger("faststream")
    framework.handlers.clear()
    framework.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level) if root.level > logging.DEBUG else 0)
    logging.captureWarnings(capture=True)


def log_settings(settings: Settings) -> None:
    """Log the resolved settings, once at the start of a process; passwords in addresses are masked."""
    values = settings.model_dump(mode="json")
    if settings.redis_url:
        values["redis_url"] = without_password(settings.redis_url.get_secret_value())
    if settings.mlflow_uri:
        values["mlflow_uri"] = without_password(settings.mlflow_uri)
    logger.info("settings", extra=values)


class _Line(logging.Formatter):
    """Masks secrets in the line that a subclass makes of a record."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        line = self.line(record)
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line

    def line(self, record: logging.LogRecord) -> str:
        raise NotImplementedError


class TextLine(_Line):
    """``12:00:01.250 INFO    consumer.scoring_loop: batch committed entries=1000``."""

    def line(self, record: logging.LogRecord) -> str:
        """The record for people."""
        time = _time(record).astimezone().isoformat(sep=" ", timespec="milliseconds")[11:23]
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = f"{time} {record.levelname:<7} {record.name}: {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLine(_Line):
    """One JSON object a line: time, level, logger, message, the fields, and the exception where there is one."""

    def line(self, record: logging.LogRecord) -> str:
        """The record for machines."""
        fields: dict[str, Any] = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller gave as `extra`, and the ids of the trace and span in which the record was made."""
    fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    if ids := current_trace():
        fields["trace_id"], fields["span_id"] = ids
    return fields


def _passwords(settings: Settings) -> list[str]:
    """Passwords in every form in which a line may hold them, longest first: one form may be a part of another."""
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    passwords = passwords_of(redis_url) | passwords_of(settings.mlflow_uri or "")
    forms = {
        form
        for password in passwords
        for form in (password, quote(password, safe=""), repr(password)[1:-1], json.dumps(password)[1:-1])
    }
    forms |= {json.dumps(form)[1:-1] for form in forms}
    return sorted(forms, key=len, reverse=True)
