"""A domain: its features in order, its target and its contract, read from a class and checked."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from traceback import extract_tb
from typing import Any, Literal

from pydantic import create_model

from schemas.errors import DomainError
from schemas.features import Derived, Feature, Features, Target, read_feature, without_none
from schemas.quality_limits import QualityLimits
from schemas.segments import Segment, check_segments

BUILT_IN = {"housing": "schemas.domains.housing:Housing", "obesity": "schemas.domains.obesity:Obesity"}


@dataclass(frozen=True)
class Domain:
    """One table to train on and score.

    Attributes:
        name: the domain's name, also the registered model's.
        contract: the pydantic model that one row of features must satisfy.
        features: in the order of the model's columns.
        target: what is predicted.
    """

    name: str
    contract: type[Features]
    features: tuple[Feature, ...]
    target: Target

    @property
    def task(self) -> Literal["regression", "classification"]:
        """Whether the target is a number or one of its classes."""
        return "classification" if self.target.classes else "regression"

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The features that split the table into segments."""
        return self.contract.segments

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the model's columns, in order."""
        return tuple(f.column for f in self.features)

    @property
    def limits(self) -> QualityLimits:
        """What models of the domain must reach."""
        return self.contract.limits

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns of the domain's files that are no features."""
        return self.contract.ignored

    @property
    def id_column(self) -> str:
        """The column of the domain's files that has the ids of listings; empty if none has."""
        return self.contract.id_column

    @property
    def derived(self) -> tuple[Derived, ...]:
        """The columns that models derive from the features, in the order in which they are appended."""
        return self.contract.derived

    def feature(self, column: str) -> Feature:
        """The declared feature of that name.

        Raises:
            KeyError: there is none.
        """
        return {f.column: f for f in self.features}[column]


def domain_of(contract: type[Features], may_miss: Collection[str] | None = None) -> Domain:
    """Read a domain from its contract.

    Args:
        contract: the class that declares it.
        may_miss: names of the features that may be missing, instead of those that the class declares optional.

    Raises:
        DomainError: a declaration is incomplete, or `may_miss` names a feature that does not exist.
    """
    if may_miss is not None:
        contract = _with_optional(contract, may_miss)
    for attribute in ("name", "target"):
        if not hasattr(contract, attribute):
            raise DomainError(f"domain class {contract.__qualname__}: declare `{attribute}`")
    features = tuple(read_feature(contract.name, a, i) for a, i in contract.model_fields.items())
    if not features:
        raise DomainError(f"domain {contract.name}: declares no features")
    if contract.target.name in {f.column for f in features}:
        raise DomainError(f"domain {contract.name}: the target {contract.target.name} is also a feature")
    for name in (*contract.ignored, contract.id_column):
        if name == contract.target.name or name in {f.column for f in features}:
            raise DomainError(
                f"domain {contract.name}: {name} is ignored or has ids, but is also a feature or the target"
            )
    numbers = [f.column for f in features if f.kind == "number"]
    check_segments(contract.name, contract.segments, numbers, [f.column for f in features if f.column not in numbers])
    for derived in contract.derived:
        _check_derived(contract.name, derived, features)
    return Domain(contract.name, contract, features, contract.target)


def _check_derived(owner: str, derived: Derived, features: tuple[Feature, ...]) -> None:
    by_column = {feature.column: feature for feature in features}
    if derived.name in by_column:
        raise DomainError(f"domain {owner}: the derived column {derived.name} is also a feature")
    for column, power in derived.powers.items():
        feature = by_column.get(column)
        if feature is None or feature.ge is None:
            raise DomainError(f"domain {owner}, derived {derived.name}: {column} is not a numeric feature")
        if feature.ge <= 0 and not (power > 0 and float(power).is_integer()):
            raise DomainError(
                f"domain {owner}, derived {derived.name}: {column} may be {feature.ge:g}, "
                f"which cannot be raised to the power {power:g}"
            )


def load_domain(name: str, dotted_path: str | None = None, may_miss: Collection[str] | None = None) -> Domain:
    """Load a domain by its name.

    Args:
        name: `housing`, `obesity`, or the name of a dotted path in params.yaml.
        dotted_path: ``package.module:Class``; by default that of the built-in domain.
        may_miss: as in `domain_of`.

    Raises:
        DomainError: the class cannot be found or does not declare a domain of that name.
    """
    path = dotted_path or BUILT_IN.get(name)
    if path is None:
        known = ", ".join(BUILT_IN)
        raise DomainError(f"no domain {name!r}; known domains are {known}; add your own to `domains` in params.yaml")
    module_name, _, class_name = path.partition(":")
    if not (module_name and class_name) or module_name.startswith("."):
        raise DomainError(f"domain {name!r}: {path!r} is not of the form package.module:Class")
    with _reading(name, path):
        contract: Any = getattr(importlib.import_module(module_name), class_name)
    if not (isinstance(contract, type) and issubclass(contract, Features)):
        raise DomainError(f"domain {name!r}: {path!r} is not a class derived from schemas.features.Features")
    with _reading(name, path):
        domain = domain_of(contract, may_miss)
    if domain.name != name:
        raise DomainError(f"domain {name!r}: {path!r} declares the name {domain.name!r}")
    return domain


@contextmanager
def _reading(name: str, path: str) -> Iterator[None]:
    """Turn whatever a user's module or class raises into one line that names the cause and where it is.

    Raises:
        DomainError: the module or class cannot be read.
    """
    try:
        yield
    except DomainError:
        raise
    except (Exception, SystemExit) as error:
        # the text of these says what happened, that of a KeyError does not
        is_plain = isinstance(error, ImportError | SyntaxError | NameError | AttributeError)
        kind = "" if is_plain else f"{type(error).__name__}: "
        message = " ".join(f"{kind}{error}{_place_of(error)}".split())
        raise DomainError(f"domain {name!r}: cannot load {path!r}: {message}") from error


def _place_of(error: BaseException) -> str:
    """File and line of the module that was being imported when the error was raised, if any."""
    frames = extract_tb(error.__traceback__)
    importing = [i for i, frame in enumerate(frames) if frame.filename.startswith("<frozen importlib")]
    imported = frames[importing[-1] + 1 :] if importing else []
    return f" ({imported[0].filename}, line {imported[0].lineno})" if imported else ""


def _with_optional(contract: type[Features], may_miss: Collection[str]) -> type[Features]:
    """The contract with exactly these features optional."""
    by_column = {info.alias or attribute: attribute for attribute, info in contract.model_fields.items()}
    if unknown := sorted(set(may_miss) - set(by_column)):
        raise DomainError(f"domain {contract.name}: may_miss names unknown features: {', '.join(unknown)}")
    fields: dict[str, Any] = {}
    for column, attribute in by_column.items():
        info = contract.model_fields[attribute]
        required, is_optional = without_none(info.annotation)
        if is_optional != (column in may_miss):
            fields[attribute] = (required | None if column in may_miss else required, copy(info))
    return create_model(contract.__name__, __base__=contract, __module__=contract.__module__, **fields)
