"""Predictions of a file's rows, as JSON documents and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from producer.answer_store import AnswerRow
from schemas.explanations import ExplanationData
from schemas.frozen_model import FrozenModel
from tasador.cli.formatting import printable, significant
from tasador.cli.terminal_table import TableColumn, TerminalTable

_SHOWN_CONTRIBUTIONS = 3


class PredictedRowDocument(FrozenModel):
    """A row of a file with its prediction, or with the reason why it is refused."""

    row: int
    id: str | None
    source: str
    prediction: float | str | None
    confidence: float | None = None
    probabilities: dict[str, float] | None = None
    interval: tuple[float, float] | None = None
    candidates: tuple[str, ...] | None = None
    coverage: float | None = None
    model_version: str
    imputed: tuple[str, ...] = ()
    unusual: tuple[str, ...] = ()
    reason: str | None = None
    errors: tuple[str, ...] = ()
    explanation: ExplanationData | None = None


def documents(
    version: str,
    answers: Iterable[AnswerRow],
    explanations: Iterable[ExplanationData | None],
    *,
    with_ranges: bool = False,
) -> Iterator[PredictedRowDocument]:
    """A document for each row.

    Args:
        version: of the model.
        answers: to the rows, in order.
        explanations: of the same rows.
        with_ranges: whether to add intervals or prediction sets.
    """
    for number, (answer, explanation) in enumerate(zip(answers, explanations, strict=False), start=1):
        data = answer.data
        yield PredictedRowDocument(
            row=number,
            id=data.listing_id,
            source=data.listing_source,
            prediction=data.prediction,
            confidence=data.confidence,
            probabilities=data.probabilities or None,
            interval=data.interval if with_ranges else None,
            candidates=tuple(data.candidates) if with_ranges and data.candidates is not None else None,
            coverage=data.coverage if with_ranges else None,
            model_version=version,
            imputed=tuple(data.imputed),
            unusual=tuple(data.unusual),
            reason=data.reason,
            errors=tuple(f"{each.field}: {each.message}" if each.field else each.message for each in data.errors),
            explanation=explanation,
        )


def predictions_table(rows: Sequence[PredictedRowDocument], unit: str, count: int) -> TerminalTable:
    """A table of the first rows.

    Args:
        rows: to show.
        unit: of the predictions; empty for classes.
        count: of all rows.
    """
    is_explained = any(row.explanation for row in rows)
    head = f"PREDICTION ({unit})" if unit else "PREDICTION"
    columns = [TableColumn("ROW", is_number=True), TableColumn("ID", is_prose=True), TableColumn(head, is_number=True)]
    coverage = next((row.coverage for row in rows if row.coverage is not None), None)
    columns += [] if coverage is None else [TableColumn(f"RANGE ({coverage:.4g})", is_prose=True)]
    columns += [TableColumn("BECAUSE OF", is_prose=True)] * is_explained
    columns += [TableColumn("IMPUTED", is_prose=True), TableColumn("REFUSED", is_prose=True)]
    cells = []
    for row in rows:
        predicted = "" if row.prediction is None else row.prediction
        shown = significant(predicted) if isinstance(predicted, float) else predicted
        refused = f"{row.reason}: {'; '.join(row.errors)}" if row.reason else ""
        why = [_because(row.explanation)] * is_explained
        ranges = [] if coverage is None else [_range(row)]
        cells.append([str(row.row), row.id or "", shown, *ranges, *why, " ".join(row.imputed), printable(refused, 200)])
    legend = [f"and {count - len(rows):,} more rows: --out FILE or --json has all"] if count > len(rows) else []
    return TerminalTable(columns, cells, legend=legend)


def _range(row: PredictedRowDocument) -> str:
    if row.interval is not None:
        return " to ".join(significant(end) for end in row.interval)
    return printable(", ".join(row.candidates or ()), 200)


def _because(explanation: ExplanationData | None) -> str:
    if explanation is None:
        return ""
    largest = explanation.contributions[:_SHOWN_CONTRIBUTIONS]
    return ", ".join(f"{one.feature} {one.contribution:+.3g}" for one in largest)
