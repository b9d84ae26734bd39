"""What contenders reached on outer folds, kept as JSON lines, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from schemas.errors import DataError
from schemas.frozen_model import FrozenModel


class FoldScore(FrozenModel):
    """One contender on one outer fold.

    Attributes:
        table: of the panel.
        fold: its number.
        folds: of the table.
        fold_sha256: of rows and split; scores are compared if it is equal.
        contender: who predicted.
        seconds: its budget: of time for ours, of processor time for FLAML; None without one.
        scores: of the test rows; the first one decides, and less of it is better.
        core_s: processor time of fitting.
        wall_s: time of fitting.
        model: what it chose.
        versions: of the libraries, by name.
        made_at: when.
    """

    table: str
    fold: int
    folds: int
    fold_sha256: str
    contender: str
    seconds: float | None
    scores: dict[str, float]
    core_s: float
    wall_s: float
    model: str
    versions: dict[str, str]
    made_at: datetime


class ResultsFile:
    """Scores in a file of JSON lines; a later score of the same contender on the same fold replaces an earlier one.

    Args:
        path: of the file, which need not exist.

    Raises:
        DataError: a line is not a score.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._has_whole_lines = True
        self._scores: dict[tuple[str, str], FoldScore] = {}
        for score in self._read():
            self._scores[score.fold_sha256, score.contender] = score

    def find(self, fold_sha256: str, contender: str) -> FoldScore | None:
        """The score of a contender on a fold, None if it has not run."""
        return self._scores.get((fold_sha256, contender))

    def add(self, score: FoldScore) -> None:
        """Append a score to the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._has_whole_lines:
            self._path.write_text(_whole_lines(self._path.read_text(encoding="utf-8")), encoding="utf-8")
            self._has_whole_lines = True
        with self._path.open("a", encoding="utf-8") as file:
            file.write(score.model_dump_json() + "\n")
        self._scores[score.fold_sha256, score.contender] = score

    def _read(self) -> Iterator[FoldScore]:
        if not self._path.exists():
            return
        text = self._path.read_text(encoding="utf-8")
        whole = _whole_lines(text)
        self._has_whole_lines = whole == text
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                yield FoldScore.model_validate_json(line)
            except ValidationError as error:
                raise DataError(f"{self._path}, line {number}: not a score of a fold: delete the line") from error


def _whole_lines(text: str) -> str:
    """The text without a last line that a killed run has not finished."""
    return text[: text.rfind("\n") + 1]
