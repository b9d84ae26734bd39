"""Columns that drift compares: numbers or category codes, NaN where a value is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from schemas.domain import Domain
from schemas.drift import ColumnRole
from schemas.naming import free_name
from schemas.rows import Matrix


@dataclass(frozen=True, slots=True)
class Column:
    """One column of one sample.

    Attributes:
        name: its name in the report.
        values: shape (rows,); for a category its position in `categories`, NaN for missing.
        categories: their names in the order of the codes; empty for numbers.
        unit: unit of numbers.
        role: feature, prediction or outcome.
    """

    name: str
    values: NDArray[np.float64]
    categories: tuple[str, ...] = ()
    unit: str = ""
    role: ColumnRole = "feature"

    @property
    def kind(self) -> Literal["number", "category"]:
        """Whether it holds numbers or categories."""
        return "category" if self.categories else "number"

    @property
    def present(self) -> NDArray[np.float64]:
        """The values that are not missing."""
        return self.values[~np.isnan(self.values)]

    def cut(self, rows: slice) -> Column:
        """The column with only some of its rows."""
        return replace(self, values=self.values[rows])


def feature_columns(domain: Domain, matrix: Matrix) -> list[Column]:
    """The columns of a matrix (rows, features)."""
    values = np.asarray(matrix, dtype=np.float64)
    return [
        Column(feature.column, values[:, position], feature.categories, feature.unit)
        for position, feature in enumerate(domain.features)
    ]


def answer_column(domain: Domain, role: Literal["prediction", "outcome"], values: NDArray[np.float64]) -> Column:
    """A column of predictions or outcomes (rows,): numbers, or positions of the classes.

    Its name is the role, with an underscore where a feature has that name.
    """
    return Column(
        free_name(role, domain.columns),
        np.asarray(values, dtype=np.float64),
        domain.target.classes,
        domain.target.unit,
        role,
    )


def answer_codes(domain: Domain, answers: Sequence[object]) -> NDArray[np.float64]:
    """Answers as numbers: themselves, or the positions of class names; NaN for an unknown class."""
    if domain.task == "regression":
        return np.asarray(answers, dtype=np.float64)
    codes = {name: float(code) for code, name in enumerate(domain.target.classes)}
    return np.array([codes.get(str(answer), np.nan) for answer in answers], dtype=np.float64)
