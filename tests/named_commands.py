"""Commands of the product as files name them: in code, pages, messages, the Makefile and what starts containers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from tasador.cli.app import COMMANDS, load_command

VALUE = "VALUE"
"""Stands for what a text is given when the program runs."""

Words = tuple[str, ...]
"""A command with what follows it, such as ``("registry", "show", "--json")``."""

_STARTERS = {"part_command", "_run_command"}
"""Functions of the product that start a command, given as arguments."""

# as one types it: at the beginning of a line or of a text, in a code span, after a prompt, a colon or a path
_BEFORE = r"(?:^|[`\"'(:]\s?|\$ |with |or |/)(?:[\w./)($]*bin/)?"
_TYPED = re.compile(_BEFORE + r"tasador ((?:[\w<>./:=,\"'-]+ ?)+)", re.MULTILINE)
# a service of docker-compose.yml whose entry point is the product
_SERVICES = "(?:client|operator|trainer|consumer|monitor)"
_IN_CONTAINER = re.compile(rf"run (?:--rm |-T |--no-deps )*{_SERVICES} ([^|&;`\n]+)")
_OPTION = re.compile(r"--[a-z][a-z-]*")


def in_text(text: str) -> Iterator[Words]:
    """Commands that a page, a script or a Makefile names."""
    for pattern in (_TYPED, _IN_CONTAINER):
        for match in pattern.finditer(text):
            yield tuple(match[1].split())


def in_code(path: Path) -> Iterator[Words]:
    """Commands that a Python file names, in texts and as arguments."""
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
    """Commands of the services whose entry point is the product's."""
    for service in yaml.safe_load(path.read_text(encoding="utf-8"))["services"].values():
        if "tasador" in service.get("image", "") and "entrypoint" not in service:
            yield tuple(service["command"])


def _constants(nodes: list[ast.expr]) -> Words:
    return tuple(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _name(function: ast.expr) -> str:
    return str(getattr(function, "attr", getattr(function, "id", "")))


def what_is_wrong(words: Words) -> str:
    """The first word that the command line does not know; empty where it knows all of them.

    Words are compared as far as they are commands and long options; what an option is given, and arguments, are not.
    """
    plain = [word.strip("`'\"().,;:[]") for word in words]
    while plain and plain[0].startswith("--domain"):
        del plain[: 1 if "=" in plain[0] else 2]
    if not plain or plain[0] == VALUE:
        return ""
    if plain[0].startswith("-"):
        return "" if plain[0] in {"--help", "--version"} else plain[0]
    if plain[0] not in COMMANDS:
        return plain[0]
    command = load_command(plain[0])
    rest = plain[1:]
    if subcommands := getattr(command, "commands", None):
        # a group may be named alone
        if not rest or not re.fullmatch(r"[a-z-]+", rest[0]) or rest[0].startswith("-"):
            return ""
        if rest[0] not in subcommands:
            return f"{plain[0]} {rest[0]}"
        command, rest = subcommands[rest[0]], rest[1:]
    known = {"--help"} | {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    options = [found[0] for word in rest if (found := _OPTION.match(word))]
    return next((f"{plain[0]} {option}" for option in options if option not in known), "")
