"""Writes the HTML pages of commands."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import ConfigurationError


def write_page(path: Path, page: str) -> None:
    """Write a page.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error
