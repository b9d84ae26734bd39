"""Server-side scripts: each lies as a `.lua` file beside the module that owns it."""

from __future__ import annotations

from importlib.resources import files


def read_script(package: str, name: str) -> str:
    """The text of `name`.lua in a package."""
    return files(package).joinpath(f"{name}.lua").read_text(encoding="utf-8")
