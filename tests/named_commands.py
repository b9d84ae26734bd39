"""Finds commands of the product that files name: code, pages, messages, the Makefile and docker-compose.yml."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from tasador.cli.app import COMMANDS, load_command

VALUE = "VALUE"
"""Placeholder for a value that is only known at run time."""

Words = tuple[str, ...]
"""A command with its arguments, such as ``("registry", "show", "--json")``."""

_STARTERS = {"tasador_command", "_run_command"}
"""Functions of the product that take a command as arguments."""

# at the beginning of a line or text, in a code span, after a prompt, a colon or a path
_BEFORE = r"(?:^|[`\"'(:]\s?|\$ |with |or |/)(?:[\w./)($]*bin/)?"
_TYPED = re.compile(_BEFORE + r"tasador ((?:[\w<>./:=,\"'-]+ ?)+)", re.MULTILINE)
# services of docker-compose.yml whose entry point is the product
_SERVICES = "(?:client|operator|trainer|consumer|monitor)"
_IN_CONTAINER = re.compile(rf"run (?:--rm |-T |--no-deps )*{_SERVICES} ([^|&;`\n]+)")
_OPTION = re.compile(r"--[a-z][a-z-]*")


def in_text(text: str) -> Iterator[Words]:
    """Commands in the text of a page, a script or a Makefile."""
    for pattern in (_TYPED, _IN_CONTAINER):
        for match in pattern.finditer(text):
            yield tuple(match[1].split())


def in_code(path: Path) -> Iterator[Words]:
    """Commands in strings and arguments of a Python file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from in_text(node.value)
        elif isinstance(node, ast.JoinedStr):
            yield from in_text("".join(_constants([part])[0] if _constants([part]) else VALUE for part in node.values))
        elif isinstance(node, ast.List):
            words = _constants(node.elts)
            if words[:2] == ("-m", "tasador") and len(words) > 2:
                yield words[2:]
        elif isinstance(node, ast.Call) and _name(node.func) in _STARTERS and _constants(node.args[:1]):
            yield _constants(node.args)


def in_compose(path: Path) -> Iterator[Words]:
    """Commands of services whose entry point is the product."""
    for service in yaml.safe_load(path.read_text(encoding="utf-8"))["services"].values():
        if "tasador" in service.get("image", "") and "entrypoint" not in service:
            yield tuple(service["command"])


def _constants(nodes: list[ast.expr]) -> Words:
    return tuple(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _name(function: ast.expr) -> str:
    return str(getattr(function, "attr", getattr(function, "id", "")))


def find_unknown_word(words: Words) -> str:
    """The first command or long option that does not exist; empty if all exist. Arguments are not checked."""
    stripped = [word.strip("`'\"().,;:[]") for word in words]
    while stripped and stripped[0].startswith("--domain"):
        del stripped[: 1 if "=" in stripped[0] else 2]
    if not stripped or stripped[0] == VALUE:
        return ""
    if stripped[0].startswith("-"):
        return (
            "" if stripped[0] in {"--help", "--version", "--install-completion", "--show-completion"} else stripped[0]
        )
    if stripped[0] not in COMMANDS:
        return stripped[0]
    command = load_command(stripped[0])
    rest = stripped[1:]
    if subcommands := getattr(command, "commands", None):
        # a group may stand alone
        if not rest or not re.fullmatch(r"[a-z-]+", rest[0]) or rest[0].startswith("-"):
            return ""
        if rest[0] not in subcommands:
            return f"{stripped[0]} {rest[0]}"
        command, rest = subcommands[rest[0]], rest[1:]
    known = {"--help"} | {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    options = [match[0] for word in rest if (match := _OPTION.match(word))]
    return next((f"{stripped[0]} {option}" for option in options if option not in known), "")
