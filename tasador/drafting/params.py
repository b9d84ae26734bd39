"""The entry of a domain in params.yaml, added without touching anything else in the file."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from schemas.errors import ConfigurationError

_INDENT = "  "


def entry_of(name: str, path: str, data: Path) -> str:
    """The lines that name a domain, under `domains`."""
    return f"domains:\n{_lines(name, path, data)}"


def add_domain(params: Path, name: str, path: str, data: Path) -> None:
    """Add a domain to a file of settings; comments and order stay as they are.

    Raises:
        ConfigurationError: the file cannot be read or written, or names the domain already.
    """
    try:
        text = params.read_text(encoding="utf-8") if params.exists() else ""
        values = yaml.safe_load(text) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{params}: cannot be read: {error}") from error
    domains = values.get("domains") if isinstance(values, dict) else None
    if isinstance(domains, dict) and name in domains:
        raise ConfigurationError(f"{params}: domains.{name} is there already")
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("domains:")]
    if heads and isinstance(domains, dict):
        lines.insert(heads[0] + 1, _lines(name, path, data))
    elif domains is None and not heads:
        lines.append(entry_of(name, path, data))
    added = "\n".join(lines) + "\n"
    if not _holds(added, {**(domains or {}), name: {"path": path, "data": str(data)}}):
        raise ConfigurationError(f"{params}: write it there yourself: {name}: {{path: {path}}} under `domains`")
    try:
        params.write_text(added, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{params}: cannot be written: {error.strerror}") from error


def _holds(text: str, domains: dict[str, object]) -> bool:
    """Whether the text reads as meant: people write YAML in more ways than are looked for here."""
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return isinstance(values, dict) and values.get("domains") == domains


def _lines(name: str, path: str, data: Path) -> str:
    # JSON's strings are YAML's too, whatever is in a file's name
    quoted = json.dumps(str(data), ensure_ascii=False)
    return f"{_INDENT}{name}:\n{_INDENT * 2}path: {path}\n{_INDENT * 2}data: {quoted}"
