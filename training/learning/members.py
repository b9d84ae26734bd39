"""Members of a model: units of work that fit a recipe or a booster, on a fold or on all training rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from registry.steps.sharpening import SharpenedClassifier
from training.learning.encoded_table import EncodedTable
from training.learning.encoding import derive
from training.learning.portfolio import TreeShape
from training.learning.recipes import Recipe


@dataclass(frozen=True, slots=True)
class BoostedMember:
    """A booster of the portfolio with its number of trees.

    Attributes:
        shape: of the trees.
        learning_rate: of the booster.
        trees: rounds, chosen on folds.
        seeds: number of boosters that are averaged.
        power: of its probabilities; 1 for numbers.
    """

    shape: TreeShape
    learning_rate: float
    trees: int
    seeds: int = 1
    power: float = 1.0

    @property
    def is_smooth(self) -> bool:
        """Trees predict steps."""
        return False

    def estimator(self, table: EncodedTable, seed: int) -> Any:
        """An unfitted estimator that takes the encoded matrix."""
        own = self.shape.estimator(
            self.trees, self.learning_rate, table.categories, len(table.classes), self.seeds, seed
        )
        step = derive(table.domain)
        member = Pipeline([("derive", step), ("estimate", own)]) if step is not None else own
        return _with_power(member, self.power)

    def params(self) -> dict[str, Any]:
        """The parameters, as JSON values."""
        own = self.shape.params(self.learning_rate, 0)
        more = {"trees": self.trees, "log": self.shape.log, "objective": self.shape.objective}
        return own | more | {"seeds": self.seeds, "power": self.power}


@dataclass(frozen=True, slots=True)
class RecipeMember:
    """A recipe as it is.

    Attributes:
        recipe: of the member.
        power: of its probabilities; 1 for numbers.
    """

    recipe: Recipe
    power: float = 1.0

    @property
    def is_smooth(self) -> bool:
        """Whether its predictions follow the numbers without steps."""
        return self.recipe.is_smooth

    def estimator(self, table: EncodedTable, seed: int) -> Any:
        """An unfitted estimator that takes the encoded matrix."""
        return _with_power(self.recipe.member(table.domain, seed), self.power)

    def params(self) -> dict[str, Any]:
        """The parameters, as JSON values."""
        return {"power": self.power}


Member = BoostedMember | RecipeMember


@dataclass(frozen=True, slots=True)
class FoldUnit:
    """A recipe on one fold: it learns from the training rows and predicts the validation rows.

    Attributes:
        recipe: to fit.
        train: numbers of the rows to learn from.
        validation: numbers of the rows to predict.
        seed: of every random choice.
    """

    recipe: Recipe
    train: NDArray[np.int64] = field(repr=False)
    validation: NDArray[np.int64] = field(repr=False)
    seed: int

    def run(self, table: EncodedTable) -> NDArray[np.float64]:
        """Predictions (n,), or probabilities (n, classes) in the order of the table's classes."""
        member = self.recipe.member(table.domain, self.seed)
        member.fit(table.matrix[self.train], table.labels[self.train])
        rows = table.matrix[self.validation]
        if not table.classes:
            return np.asarray(member.predict(rows), dtype=np.float64)
        predictions = np.zeros((len(rows), len(table.classes)))
        predictions[:, [table.classes.index(str(name)) for name in member.classes_]] = member.predict_proba(rows)
        return predictions


@dataclass(frozen=True, slots=True)
class FitUnit:
    """A member on all training rows.

    Attributes:
        member: to fit.
        seed: of every random choice.
    """

    member: Member
    seed: int

    def run(self, table: EncodedTable) -> Any:
        """The fitted estimator."""
        return self.member.estimator(table, self.seed).fit(table.matrix, table.labels)


def _with_power(estimator: Any, power: float) -> Any:
    return estimator if power == 1 else SharpenedClassifier(estimator, power)
