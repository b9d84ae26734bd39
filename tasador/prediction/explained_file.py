"""Writes a file of predictions with their explanations: one row for each row, as CSV or Parquet."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import DataError
from tasador.prediction.local_model import LocalModel


def write_explained(path: Path, model: LocalModel, payloads: list[bytes], *, with_ranges: bool) -> tuple[int, int]:
    """Write the columns of `LocalModel.predict`, then `base`, `value` and `contribution_<feature>` for each feature.

    Args:
        path: of the file, which ends in .csv or .parquet.
        model: predicts and explains.
        payloads: the rows as events.
        with_ranges: whether to write intervals or prediction sets.

    Returns:
        How many rows were predicted, and how many were refused.

    Raises:
        DataError: the file cannot be written.
        ModelRejectedError: ("background") no method fits the model.
    """
    predictions, explanations = (
        model.frame_of_answers(payloads, with_ranges=with_ranges),
        model.frame_of_explanations(payloads),
    )
    added = explanations[["base", "value", *model.domain.columns]]
    names = {column: f"contribution_{column}" for column in model.domain.columns}
    frame = predictions.join(added.rename(columns=names))
    try:
        if path.suffix.lower() == ".csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path, index=False)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    refused = int(predictions["reason"].notna().sum())
    return len(frame) - refused, refused
