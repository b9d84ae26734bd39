"""Declares a domain's features: the base class, the types and `feature`; and reads each declaration as a `Feature`."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from schemas.errors import DomainError
from schemas.quality_limits import QualityLimits
from schemas.segments import Segment

FeatureKind = Literal["number", "integer", "category"]
Fill = Literal["median", "most_frequent"]


def _integral(value: object) -> object:
    """1.0 is the integer 1 in JSON, whose grammar knows only numbers; 0.5, true and "1" are not integers."""
    return int(value) if type(value) is float and value.is_integer() else value


# characters that the fast decoder cannot match in a name
_NOT_IN_NAMES = re.compile(r'["\\\x00-\x1f]')

Number = Annotated[float, Field(allow_inf_nan=False)]
"""A finite number."""
Integer = Annotated[int, BeforeValidator(_integral)]
"""A whole number; 1 and 1.0 both pass."""


def feature(
    *,
    unit: str,
    description: str,
    ge: float | None = None,
    le: float | None = None,
    fill: Fill | None = None,
    column: str | None = None,
) -> Any:
    """Declare a feature.

    Args:
        unit: of the value; "" for none.
        description: one line, shown on the AsyncAPI page.
        ge: smallest accepted value. Numbers and integers must state both bounds.
        le: largest accepted value.
        fill: how a missing value is filled; by default `median` for numbers and `most_frequent` for other kinds. The
            feature may be missing if its annotation contains ``| None``.
        column: its name in events and training data if that is not a Python identifier; by default the attribute's.
    """
    return Field(alias=column, ge=ge, le=le, description=description, json_schema_extra={"unit": unit, "fill": fill})


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a domain.

    Attributes:
        name: the target's column in training data.
        unit: of a regression's prediction.
        classes: the class names of a classification, in their natural order; empty for a regression.
        labels: label name -> class name -> value; each prediction of a class carries its labels (``risk_level``).
    """

    name: str
    unit: str = ""
    classes: tuple[str, ...] = ()
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Derived:
    """A column that models derive from features: a product of their powers.

    For example a ratio, or the body-mass index: ``{"Weight": 1, "Height": -2}``. The model's pipeline computes it after
    filling gaps; a listing does not contain it.

    Attributes:
        name: of the column in figures and plots.
        powers: column -> exponent. The columns hold numbers; if an exponent is negative or not an integer, the declared
            range must be above zero.
        unit: of the result.
    """

    name: str
    powers: Mapping[str, float]
    unit: str = ""


class Features(BaseModel):
    """Base of every domain's contract: one row of features, validated strictly, without unknown features."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: ClassVar[str]
    target: ClassVar[Target]
    segments: ClassVar[tuple[Segment, ...]] = ()
    """The features that split the table into segments, for reports and the gate."""
    limits: ClassVar[QualityLimits] = QualityLimits()
    """What models of the domain must reach, besides being better than the naive answer."""
    table_source: ClassVar[str] = ""
    """The source of `built_in_table`, for display."""
    derived: ClassVar[tuple[Derived, ...]] = ()
    """The columns that models derive from the features."""
    ignored: ClassVar[tuple[str, ...]] = ()
    """Columns of the domain's files that are no features; they are left out wherever a file is read."""
    id_column: ClassVar[str] = ""
    """The column of the domain's files that has the ids of listings."""

    @classmethod
    def built_in_table(cls) -> list[dict[str, Any]]:
        """The rows that come with the domain, including the target; empty unless a domain overrides this."""
        return []

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The JSON schema, in which pydantic would write the bounds of an optional integer as `ge` and `le`."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        for shape in schema.get("properties", {}).values():
            for branch in shape.get("anyOf", ()):
                for word, bound in (("ge", "minimum"), ("le", "maximum")):
                    if word in branch:
                        branch[bound] = branch.pop(word)
        return schema

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Make exactly the nullable features optional; pydantic treats the two properties separately."""
        super().__pydantic_init_subclass__(**kwargs)
        for info in cls.model_fields.values():
            info.default = None if without_none(info.annotation)[1] else PydanticUndefined
        cls.model_rebuild(force=True)


@dataclass(frozen=True, slots=True)
class Feature:
    """One declared feature, read from the contract.

    Attributes:
        column: its name in events and in training data.
        kind: number, integer or category.
        ge: smallest accepted value (None for a category).
        le: largest accepted value (None for a category).
        may_miss: whether it may be absent or null.
        fill: how the model's pipeline fills a missing value.
        categories: the accepted values of a category; a value's position is its code in a matrix.
    """

    column: str
    kind: FeatureKind
    unit: str
    description: str
    may_miss: bool
    fill: Fill
    ge: float | None = None
    le: float | None = None
    categories: tuple[str, ...] = ()


def without_none(annotation: Any) -> tuple[Any, bool]:
    """An annotation without its ``| None``, and whether it had one."""
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [a for a in get_args(annotation) if a is not type(None)]
        if len(rest) == 1 and len(rest) < len(get_args(annotation)):
            return rest[0], True
    return annotation, False


def read_feature(owner: str, attribute: str, info: FieldInfo) -> Feature:
    """Read one field of a contract.

    Raises:
        DomainError: a feature cannot have the field's type, or a bound is missing.
    """
    column = info.alias or attribute
    subject = f"domain {owner}, feature {column}"
    if _NOT_IN_NAMES.search(column):
        raise DomainError(f"domain {owner}: the column name {column!r} has a quote, a backslash or a control character")
    annotation, may_miss = without_none(info.annotation)
    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    bounds = {type(m): m for m in info.metadata if isinstance(m, annotated_types.Ge | annotated_types.Le)}
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    shared = {"unit": str(extra.get("unit", "")), "description": info.description or "", "may_miss": may_miss}
    fill = extra.get("fill")
    if get_origin(base) is Literal and all(isinstance(c, str) for c in get_args(base)):
        return Feature(column, "category", fill="most_frequent", categories=get_args(base), **shared)  # type: ignore[arg-type]
    if base not in (int, float):
        raise DomainError(f"{subject}: a feature is a Number, an Integer or a Literal of strings, not {base!r}")
    if annotated_types.Ge not in bounds or annotated_types.Le not in bounds:
        raise DomainError(f"{subject}: declare its range with ge and le")
    kind: FeatureKind = "integer" if base is int else "number"
    return Feature(
        column,
        kind,
        fill=fill or ("most_frequent" if kind == "integer" else "median"),  # type: ignore[arg-type]
        ge=float(bounds[annotated_types.Ge].ge),  # type: ignore[union-attr, arg-type]
        le=float(bounds[annotated_types.Le].le),  # type: ignore[union-attr, arg-type]
        **shared,  # type: ignore[arg-type]
    )
