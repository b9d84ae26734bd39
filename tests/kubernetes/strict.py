"""Checks resources against the schemas of Kubernetes, and names fields that do not exist; `make lint` runs it.

KEDA publishes no schema as a package, but models that ignore fields they do not know: what they drop does not exist.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
from cloudcoil.models.keda.v1alpha1 import ScaledObject
from pydantic import ValidationError

from tests.kubernetes.overlays import OVERLAYS, Resource, render_overlay

VERSIONS = ("1.30", "1.37")
"""The oldest version of Kubernetes for which the manifests are written, and the newest whose schema we have."""


def find_problems(resource: Resource) -> list[str]:
    """What is wrong with a resource, each in one line; empty if it is valid."""
    name = f"{resource['kind']} {resource['metadata']['name']}"
    check = _check_scaled_object if resource["kind"] == "ScaledObject" else _check_built_in
    return [f"{name}: {problem}" for problem in check(resource)]


def _check_built_in(resource: Resource) -> Iterator[str]:
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{'.'.join(map(str, error.path))}: {error.message} (Kubernetes {version})"


def _check_scaled_object(resource: Resource) -> Iterator[str]:
    try:
        known = ScaledObject.model_validate(resource).model_dump(mode="json", by_alias=True, exclude_unset=True)
    except ValidationError as error:
        for each in error.errors():
            yield f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
    else:
        yield from _dropped(resource, known, "")


def _dropped(given: Any, known: Any, path: str) -> Iterator[str]:
    """Fields of `given` that are not in `known`, by their path."""
    if isinstance(given, dict):
        for name, value in given.items():
            if name in known:
                yield from _dropped(value, known[name], f"{path}.{name}".lstrip("."))
            else:
                yield f"{path}: there is no field {name!r}".lstrip(": ")
    elif isinstance(given, list):
        for number, (one, other) in enumerate(zip(given, known, strict=True)):
            yield from _dropped(one, other, f"{path}.{number}")


def main() -> int:
    """Print the problems of every overlay; returns the exit code."""
    problems = [
        f"overlays/{overlay}: {problem}"
        for overlay in OVERLAYS
        for resource in render_overlay(overlay)
        for problem in find_problems(resource)
    ]
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
