"""Writes docs/params.md, the page about every setting, from the settings classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from schemas.sections import DomainSettings, Section, TableSettings
from schemas.settings import PARAMS_VARIABLE, PREFIX, Settings

_UNIT = re.compile(r",? in (s|ms|µs|bytes|MB|rows|days|hours)\b")
_SUFFIXES = {
    "_ms": "ms",
    "_per_s": "1/s",
    "_s": "s",
    "_bytes": "bytes",
    "_rows": "rows",
    "_share": "share",
    "_hours": "hours",
}

_HEAD = f"""# Settings

`make pages` writes this page (`tasador settings`); a test compares it with the code. [`params.yaml`](../params.yaml)
holds settings of behaviour and experiments. Environment variables hold addresses, secrets and overrides, and take
precedence; a list or mapping in a variable is JSON. `{PARAMS_VARIABLE}` names a file to read instead of `params.yaml`
in the current folder. An unknown key or variable is an error that names it. `tasador check` checks a configuration
before anything starts.
"""


class Setting(NamedTuple):
    """One row of the page."""

    section: str
    key: str
    meaning: str
    unit: str
    admitted: str
    default: str
    variable: str


_SECTIONS = {"domains.<name>": DomainSettings, "domains.<name>.table": TableSettings}


def all_settings() -> list[Setting]:
    """All settings in the order of params.yaml."""
    return list(_walk(Settings, "", ""))


def _walk(contract: type[BaseModel], section: str, path: str) -> Iterator[Setting]:
    for name, info in contract.model_fields.items():
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, Section):
            yield from _walk(annotation, f"{section}.{name}".removeprefix("."), f"{path}{name}__")
        elif name == "domains":
            yield _setting("", name, info, name)
            yield from _walk(DomainSettings, "domains.<name>", "domains__<name>__")
        else:
            yield _setting(section, name, info, f"{path}{name}")


def _setting(section: str, key: str, info: FieldInfo, path: str) -> Setting:
    text = info.description or ""
    unit = _UNIT.search(text)
    name = ">".join(part if part.startswith("name") else part.upper() for part in path.split(">"))
    return Setting(
        section,
        key,
        _UNIT.sub("", text, count=1),
        unit[1] if unit else next((unit for end, unit in _SUFFIXES.items() if key.endswith(end)), ""),
        _admitted(info),
        _default(info),
        f"{PREFIX}{name.replace('<NAME', '<name')}",
    )


def _admitted(info: FieldInfo) -> str:
    if get_origin(info.annotation) is Literal:
        return ", ".join(str(each) for each in get_args(info.annotation))
    lower: list[tuple[Any, str]] = [(one.gt, ">") for one in info.metadata if isinstance(one, annotated_types.Gt)]
    lower += [(one.ge, "≥") for one in info.metadata if isinstance(one, annotated_types.Ge)]
    upper: list[tuple[Any, str]] = [(one.lt, "<") for one in info.metadata if isinstance(one, annotated_types.Lt)]
    upper += [(one.le, "≤") for one in info.metadata if isinstance(one, annotated_types.Le)]
    tightest = [*sorted(lower, key=_bound)[-1:], *sorted(upper, key=_bound)[:1]]
    return ", ".join(f"{sign} {bound:g}" for bound, sign in tightest)


def _bound(limit: tuple[Any, str]) -> float:
    return float(limit[0])


def _default(info: FieldInfo) -> str:
    value: Any = info.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined:
        return "none"
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, dict | tuple):
        return ", ".join(map(str, value)) or "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def page() -> str:
    """The page as Markdown, with a table for each section."""
    parts = [_HEAD]
    sections: dict[str, list[Setting]] = {}
    for setting in all_settings():
        sections.setdefault(setting.section, []).append(setting)
    for section, settings in sections.items():
        title = f"`{section}`" if section else "At the top"
        intro = _intro(section)
        rows = [_line(setting) for setting in settings]
        head = "| key | meaning | unit | admitted | default | variable |\n|---|---|---|---|---|---|"
        parts.append("\n\n".join(part for part in (f"## {title}", intro, "\n".join([head, *rows])) if part) + "\n")
    return "\n".join(parts)


def _line(setting: Setting) -> str:
    cells = (f"`{setting.key}`", setting.meaning, setting.unit, _cell(setting.admitted), _cell(setting.default))
    return f"| {' | '.join(cells)} | `{setting.variable}` |"


def _intro(section: str) -> str:
    if not section:
        return ""
    contract = _SECTIONS.get(section) or Settings.model_fields[section].annotation
    return (getattr(contract, "__doc__", None) or "").strip().splitlines()[0]


def _cell(text: str) -> str:
    return f"`{text}`" if text else ""
