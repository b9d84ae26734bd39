"""Limits that fit a table, for the class of a new domain: no model may be worse than the naive answer."""

from __future__ import annotations

from math import floor, log10

from schemas.sections import GateSettings, TrainingSettings
from tasador.drafting.profile import ColumnProfile

_WITHIN, _FAR_OFF = 0.25, 1.0
"""Errors that count as near and as far off, in standard deviations of the target."""
_LEFT = 0.9
"""Share of the rows that stay, at the least, when duplicates and invalid rows are left out."""


def suggest_limits(
    target: ColumnProfile, *, is_regression: bool, gate: GateSettings, training: TrainingSettings
) -> str:
    """The arguments of `QualityLimits` in the class of a new domain; empty if the defaults fit.

    Args:
        target: profile of the column to predict.
        is_regression: whether it is a number.
        gate: whose `min_rows` a small table cannot reach.
        training: whose share of test rows is not among the training rows.
    """
    labelled = target.rows - target.missing
    training_rows = floor(labelled * (1 - training.test_share) * _LEFT)
    options = [f"min_rows={training_rows}"] if training_rows < gate.min_rows else []
    if is_regression and target.sd > 0:
        named = {"max_rmse": 1.0, "within": _WITHIN, "far_off": _FAR_OFF}
        options += [f"{name}={_rounded(share * target.sd)}" for name, share in named.items()]
    return ", ".join(options)


def _rounded(value: float) -> str:
    """Two digits, without an exponent where a person would write none."""
    digits = 1 - floor(log10(abs(value)))
    rounded = round(value, digits)
    return f"{rounded:g}" if 1e-4 <= abs(rounded) < 1e6 else repr(rounded)  # noqa: PLR2004 - as `g` writes numbers
