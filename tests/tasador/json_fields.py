"""The fields of what commands write with --json; ``python -m tests.tasador.json_fields`` stores them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasador.cli.json_outputs import OUTPUTS

FILE = Path(__file__).parent / "json_fields.json"


def fields_of(command: str) -> set[str]:
    """The fields of a command's documents, whichever of its alternatives they have."""
    schema = OUTPUTS[command].schema()
    return set(_names(schema, schema.get("$defs", {})))


def _names(schema: dict[str, Any], defined: dict[str, Any]) -> Iterator[str]:
    yield from schema.get("properties", ())
    if "$ref" in schema:
        yield from _names(defined[schema["$ref"].rpartition("/")[2]], defined)
    for each in (*schema.get("anyOf", ()), *([schema["items"]] if schema.get("type") == "array" else ())):
        yield from _names(each, defined)


if __name__ == "__main__":
    fields = {command: sorted(fields_of(command)) for command in OUTPUTS}
    FILE.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
