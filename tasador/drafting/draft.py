"""Drafts a domain: the source of a class that declares a table's columns, for the user to complete."""

from __future__ import annotations

import json
import keyword
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.errors import DataError
from schemas.features import Features
from schemas.settings import Settings
from tasador.drafting.limits import suggest_limits
from tasador.drafting.profile import MAX_TEXTS, ColumnProfile
from tasador.drafting.ranges import format_bound, suggest_range
from tasador.drafting.suitability import check_columns

Task = Literal["regression", "classification"]

MAX_CLASSES = 20
"""Largest number of distinct whole numbers for which a target is inferred to be classes."""
MIN_CLASS_ROWS = 7
"""Smallest number of rows of each of them; five folds beside the test rows need as many."""
_RESERVED = frozenset(
    {"name", "target", "Number", "Integer", "Literal", "ClassVar", "Target", "Features", "feature", "QualityLimits"}
)
_WIDTH = 120

_HEAD = '''"""The domain {name}: a row of {source}. Drafted from {rows:,} rows by `tasador domain new`.

Fill in what a table does not contain: units, descriptions, and the range of each number; a listing outside it is
refused. The ranges below are the table's, widened by half their span on either side. A model must be better than the
naive answer; `limits` may ask for more.
"""

from __future__ import annotations

from typing import {typing}

from schemas.features import {features}
{limits_import}

class {class_name}(Features):
    """One row of {source}; predicts {target}."""

    name: ClassVar[str] = {quoted_name}
    target: ClassVar[Target] = {target_value}
{limits}{columns}
'''


@dataclass(frozen=True, slots=True)
class Draft:
    """The source of a domain's class.

    Attributes:
        class_name: name of the class.
        source: source of the Python module.
        task: of the domain.
        features: number of features.
    """

    class_name: str
    source: str
    task: Task
    features: int


def draft(
    name: str,
    source: str,
    columns: Sequence[ColumnProfile],
    target: str,
    task: Task | None = None,
    *,
    ignored: Sequence[str] = (),
    id_column: str | None = None,
    settings: Settings | None = None,
) -> Draft:
    """Draft a domain.

    Args:
        name: of the domain.
        source: name of the table, for messages and comments.
        columns: profiles of all columns but the ignored ones.
        target: name of the column to predict.
        task: of the domain; None to infer it from the target's values.
        ignored: columns that are no features.
        id_column: the column of ids, which is no feature.
        settings: whose defaults the limits of a small table replace; by default those of a new params.yaml.

    Raises:
        DataError: there is no such target or id column, or a column is neither a number nor a category; the message
            names it.
    """
    by_name = {column.name: column for column in columns}
    if target not in by_name:
        raise DataError(f"{source}: no column {target!r} to predict; the columns are {', '.join(by_name)}")
    if id_column is not None and (id_column not in by_name or id_column == target):
        others = ", ".join(column for column in by_name if column != target)
        raise DataError(f"{source}: no id column {id_column!r}; the columns are {others}")
    features = [column for column in columns if column.name not in {target, id_column}]
    if not features:
        raise DataError(f"{source}: has no column other than {target!r}")
    check_columns(source, features)
    task = task or _infer_task(by_name[target])
    lines, taken = [], set(_RESERVED)
    for column in features:
        attribute = _attribute(column.name, taken)
        taken.add(attribute)
        lines.append(_declaration(attribute, column))
    body = "\n".join(lines)
    class_name = _class_name(name)
    known = settings or Settings()
    is_regression = task == "regression"
    limits = suggest_limits(by_name[target], is_regression=is_regression, gate=known.gate, training=known.training)
    imports = [each for each in ("Integer", "Number") if re.search(rf": {each}\b", body)]
    head = _HEAD.format(
        name=name,
        quoted_name=_quoted(name),
        source=_in_docstring(source),
        rows=by_name[target].rows,
        typing="ClassVar, Literal" if "Literal[" in body else "ClassVar",
        features=", ".join(["Features", *imports, "Target", "feature"]),
        class_name=class_name,
        target=_in_docstring(target),
        columns=_columns(ignored, id_column),
        target_value=_target(source, by_name[target], task),
        limits=f"    limits: ClassVar[QualityLimits] = QualityLimits({limits})\n" if limits else "",
        limits_import="from schemas.quality_limits import QualityLimits\n" if limits else "",
    )
    return Draft(class_name, f"{head}{body}\n", task, len(features))


def _infer_task(target: ColumnProfile) -> Task:
    has_few_values = target.is_whole and len(target.distinct) <= MAX_CLASSES
    # a rare number is the end of a distribution rather than a class
    has_few_values = has_few_values and min(target.distinct.values(), default=0) >= MIN_CLASS_ROWS
    return "classification" if target.texts or has_few_values else "regression"


def _target(source: str, target: ColumnProfile, task: Task) -> str:
    if target.is_empty:
        raise DataError(f"{source}: the target {target.name!r} is empty")
    if task == "regression":
        if target.texts:
            example = next(iter(target.texts))
            raise DataError(f"{source}: the target {target.name!r} has values that are not numbers: {example!r}")
        return f'Target({_quoted(target.name)}, unit="")'
    if len(target.distinct) > MAX_TEXTS:
        raise DataError(
            f"{source}: the target {target.name!r} has more than {MAX_TEXTS} distinct values, too many for classes"
        )
    classes = sorted(target.distinct, key=lambda text: (_order(text) if not target.texts else 0.0, text))
    if len(classes) == 1:
        raise DataError(f"{source}: the target {target.name!r} is {classes[0]!r} in all rows: nothing to learn")
    # a table does not show the natural order of classes
    listed = ", ".join(map(_quoted, classes))
    line = f"Target({_quoted(target.name)}, classes=({listed}))"
    if len(line) < _WIDTH - 34:
        return line
    return f"Target(\n        {_quoted(target.name)},\n        classes=(\n{_lines(classes)}        ),\n    )"


def _order(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.inf


def _columns(ignored: Sequence[str], id_column: str | None) -> str:
    """The declarations of columns that are no features."""
    lines = []
    if ignored:
        listed = ", ".join(map(_quoted, ignored)) + ("," if len(ignored) == 1 else "")
        lines.append(f"    ignored: ClassVar[tuple[str, ...]] = ({listed})\n")
    if id_column is not None:
        lines.append(f"    id_column: ClassVar[str] = {_quoted(id_column)}\n")
    return "".join(lines)


def _class_name(name: str) -> str:
    """The domain's name as the name of a class that hides nothing the module uses."""
    class_name = "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", name))
    return f"{class_name}Row" if class_name in _RESERVED or keyword.iskeyword(class_name) else class_name


def _in_docstring(text: str) -> str:
    return _quoted(text)[1:-1]


def _attribute(column: str, taken: set[str]) -> str:
    """The column's name as a Python attribute that is not taken."""
    # Python normalizes identifiers in the same way
    name = re.sub(r"\W", "_", unicodedata.normalize("NFKC", column))
    if not f"_{name}".isidentifier():
        name = re.sub(r"[^A-Za-z0-9_]", "_", name)
    name = name.strip("_") or "column"
    if name[0].isdigit():
        name = f"column_{name}"
    while name in taken or keyword.iskeyword(name) or hasattr(Features, name):
        name += "_"
    return name


def _declaration(attribute: str, column: ColumnProfile) -> str:
    options, seen = [], f"{column.missing:,} of {column.rows:,} values are missing" if column.missing else ""
    if column.texts:
        kind = f"Literal[{', '.join(map(_quoted, sorted(column.distinct)))}]"
    else:
        kind = "Integer" if column.is_whole else "Number"
        low, high = suggest_range(column)
        options = [f"ge={format_bound(low)}", f"le={format_bound(high)}"]
        values = f"the table has {format_bound(column.low or 0.0)} to {format_bound(column.high or 0.0)}"
        seen = f"{values}; {seen}" if seen else values
    quoted = _quoted(column.name)
    options += ['unit=""', f"description={quoted}"]
    options += [f"column={quoted}"] if attribute != column.name else []
    optional = " | None" if column.missing else ""
    line = f"    {attribute}: {kind}{optional} = feature({', '.join(options)})"
    comment = f"    # {column.name}: {seen}\n" if seen else ""
    if len(line) > _WIDTH:
        line = f"    {attribute}: {kind}{optional} = feature(\n        {', '.join(options)}\n    )"
    return comment + line


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _lines(texts: Sequence[str]) -> str:
    return "".join(f"            {_quoted(text)},\n" for text in texts)
