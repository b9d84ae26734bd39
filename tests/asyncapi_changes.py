"""Changes between two AsyncAPI documents that break a client.

In a stream that the product reads, no field may become required, no range narrower, and no type, value or field may be
removed. In a stream that the product writes, no field may be removed or become optional, and none may get a new type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

Json = Mapping[str, Any]

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


@dataclass(frozen=True)
class FieldShape:
    """Types, limits and values of a field."""

    types: frozenset[str]
    limits: tuple[tuple[str, float], ...] = ()
    values: frozenset[str] | None = None
    pattern: str = ""
    is_required: bool = True


def breaking_changes(old: Json, new: Json) -> list[str]:
    """Every change that breaks a client, as a sentence."""
    return list(_changes(old, new))


def _changes(old: Json, new: Json) -> Iterator[str]:
    for name in old["channels"]:
        if name not in new["channels"]:
            yield f"{name}: the channel is gone"
            continue
        if old["channels"][name]["address"] != new["channels"][name]["address"]:
            yield f"{name}: has another address"
        is_read = new["operations"][name]["action"] == "receive"
        before, after = _shapes(old, name), _shapes(new, name)
        yield from (_broken_reads if is_read else _broken_writes)(name, before, after)


def _broken_reads(channel: str, old: dict[str, FieldShape], new: dict[str, FieldShape]) -> Iterator[str]:
    for path, shape in new.items():
        before = old.get(path)
        if before is None:
            # a required field inside a new or optional object breaks no client
            if shape.is_required and path.rpartition(".")[0] in old:
                yield f"{channel} {path}: is required and was not there"
            continue
        if shape.is_required and not before.is_required:
            yield f"{channel} {path}: has become required"
        if lost := before.types - shape.types - ({"integer"} if "number" in shape.types else set()):
            yield f"{channel} {path}: may no longer be {', '.join(sorted(lost))}"
        if shape.values is not None and (before.values is None or before.values - shape.values):
            yield f"{channel} {path}: values were taken away"
        if shape.pattern not in {"", before.pattern}:
            yield f"{channel} {path}: has another pattern"
        for limit, bound in shape.limits:
            was = dict(before.limits).get(limit)
            if was is None or (bound > was if limit in _LOWER else bound < was):
                yield f"{channel} {path}: {limit} {bound:g} is narrower"
    yield from (f"{channel} {path}: is gone" for path in old.keys() - new.keys())


def _broken_writes(channel: str, old: dict[str, FieldShape], new: dict[str, FieldShape]) -> Iterator[str]:
    for path, before in old.items():
        shape = new.get(path)
        if shape is None:
            yield f"{channel} {path}: is gone"
            continue
        if before.is_required and not shape.is_required:
            yield f"{channel} {path}: may be left out now"
        if gained := shape.types - before.types - ({"integer"} if "number" in before.types else set()):
            yield f"{channel} {path}: may be {', '.join(sorted(gained))} now"


def _shapes(document: Json, channel: str) -> dict[str, FieldShape]:
    """Path -> shape of the fields of a channel's message; `.` joins names, `[]` stands for items."""
    shapes: dict[str, FieldShape] = {}
    for message in document["channels"][channel]["messages"].values():
        for path, shape in _walk(document, _resolve(document, message)["payload"], "$", is_required=True):
            seen = shapes.get(path)
            shapes[path] = replace(shape, types=shape.types | seen.types) if seen else shape
    return shapes


def _walk(document: Json, schema: Json, path: str, *, is_required: bool) -> Iterator[tuple[str, FieldShape]]:
    schema = _resolve(document, schema)
    # a union of events with a discriminator: each type has its own fields
    if "discriminator" in schema:
        for one in schema.get("oneOf", schema.get("anyOf", ())):
            kind = _resolve(document, one)["properties"]["type"]["const"]
            yield from _walk(document, one, f"{path}<{kind}>", is_required=True)
        return
    branches = [_resolve(document, one) for one in schema.get("anyOf", schema.get("oneOf", (schema,)))]
    types = frozenset(_type(one) for one in branches)
    plain = [one for one in branches if _type(one) != "null"]
    values = [one.get("enum", [one["const"]] if "const" in one else None) for one in plain]
    known = frozenset(str(v) for each in values for v in each or ()) if values and all(values) else None
    limits = tuple((n, float(one[n])) for one in plain for n in (*_LOWER, *_UPPER) if n in one)
    pattern = next((one["pattern"] for one in plain if "pattern" in one), "")
    yield path, FieldShape(types, limits, known, pattern, is_required)
    for one in plain:
        for name, inner in one.get("properties", {}).items():
            yield from _walk(document, inner, f"{path}.{name}", is_required=name in one.get("required", ()))
        for key in ("items", "additionalProperties"):
            if isinstance(one.get(key), dict):
                yield from _walk(document, one[key], f"{path}[]", is_required=True)


def _type(schema: Json) -> str:
    return str(schema.get("type", "string" if "const" in schema or "enum" in schema else "any"))


def _resolve(document: Json, schema: Json) -> Json:
    while "$ref" in schema:
        node: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[unquote(part)]
        schema = node
    return schema
