"""A column as drift sees it: numbers or codes of categories, NaN for what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from schemas.domain import Domain
from schemas.drift import Role
from schemas.rows import Matrix

PREDICTION = "prediction"
OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of one sample.

    Attributes:
        name: its name in the report.
        values: shape (rows,); of a category the position among `categories`, NaN for missing.
        categories: of a category, in the order of the codes; empty for numbers.
        unit: of numbers.
        role: whether it is a feature.
    """

    name: str
    values: NDArray[np.float64]
    categories: tuple[str, ...] = ()
    unit: str = ""
    role: Role = "feature"

    @property
    def kind(self) -> Literal["number", "category"]:
        """What it holds."""
        return "category" if self.categories else "number"

    @property
    def present(self) -> NDArray[np.float64]:
        """The values that are not missing."""
        return self.values[~np.isnan(self.values)]

    def cut(self, rows: slice) -> Column:
        """The column of some of the rows."""
        return replace(self, values=self.values[rows])


def feature_columns(domain: Domain, matrix: Matrix) -> list[Column]:
    """The features of a matrix (rows, features)."""
    values = np.asarray(matrix, dtype=np.float64)
    return [
        Column(feature.column, values[:, position], feature.categories, feature.unit)
        for position, feature in enumerate(domain.features)
    ]


def answer_column(domain: Domain, role: Literal["prediction", "outcome"], values: NDArray[np.float64]) -> Column:
    """Predictions or outcomes (rows,): numbers, or positions of the classes."""
    name = PREDICTION if role == "prediction" else OUTCOME
    return Column(name, np.asarray(values, dtype=np.float64), domain.target.classes, domain.target.unit, role)


def answer_codes(domain: Domain, answers: Sequence[object]) -> NDArray[np.float64]:
    """Answers as the columns of a report hold them: numbers, or positions of class names, NaN for any other."""
    if domain.task == "regression":
        return np.asarray(answers, dtype=np.float64)
    codes = {name: float(code) for code, name in enumerate(domain.target.classes)}
    return np.array([codes.get(str(answer), np.nan) for answer in answers], dtype=np.float64)
