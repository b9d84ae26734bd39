"""Adds a domain to params.yaml; comments, order and spelling of everything else stay."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from schemas.errors import ConfigurationError
from tables.options import DEFAULT_OPTIONS, TableOptions

_WIDTH = 1_000_000


def params_entry(name: str, path: str, data: Path, options: TableOptions = DEFAULT_OPTIONS) -> str:
    """The YAML that declares a domain, under `domains`."""
    return _serialize(_entry(name, path, data, options))


def add_domain(params: Path, name: str, path: str, data: Path, options: TableOptions = DEFAULT_OPTIONS) -> None:
    """Add a domain to a file of settings, before the other domains.

    Raises:
        ConfigurationError: the file cannot be read or written, or declares the domain already.
    """
    try:
        text = params.read_text(encoding="utf-8") if params.exists() else ""
        # nodes keep the spelling of a scalar, such as null or 1.50; values would not
        root = YAML().compose(text)
    except (OSError, YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{params}: cannot be read: {error}") from error
    entry = _entry(name, path, data, options)
    if root is not None:
        _merge(params, root, entry, name)
    try:
        params.write_text(text + _serialize(entry) if root is None else _serialize(root), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{params}: cannot be written: {error.strerror}") from error


def _merge(params: Path, root: Node, entry: MappingNode, name: str) -> None:
    if not isinstance(root, MappingNode):
        raise ConfigurationError(f"{params}: is not a mapping")
    ((key, added),) = entry.value
    indexes = [index for index, (existing, _) in enumerate(root.value) if existing.value == key.value]
    if not indexes:
        root.value.append((key, added))
        return
    domains_key, domains = root.value[indexes[0]]
    if isinstance(domains, MappingNode):
        if any(existing.value == name for existing, _ in domains.value):
            raise ConfigurationError(f"{params}: domains.{name} already exists")
        domains.value[:0] = added.value
    elif isinstance(domains, ScalarNode) and domains.tag == "tag:yaml.org,2002:null":
        added.comment = domains.comment
        root.value[indexes[0]] = (domains_key, added)
    else:
        raise ConfigurationError(f"{params}: `domains` is not a mapping")


def _entry(name: str, path: str, data: Path, options: TableOptions) -> MappingNode:
    values: dict[str, Any] = {"path": path, "data": str(data)}
    table = {"decimal": options.decimal, "rename": dict(options.rename)}
    if table := {key: value for key, value in table.items() if value}:
        values["table"] = table
    node: MappingNode = YAML().representer.represent_data({"domains": {name: values}})
    return node


def _serialize(node: Node) -> str:
    yaml, text = YAML(), io.StringIO()
    yaml.width = _WIDTH
    yaml.serialize(node, text)
    return text.getvalue()
