"""The gate's checks on whether a version can serve: download and load it as a consumer does, and check its cost."""

from __future__ import annotations

from registry.card import COST_METRIC, ModelCard
from registry.loading import load_scorer
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from training.gate.report import Check, CheckOutcome

_REASONS_TO_PASS = {
    "digest": "the stored files are the ones that were registered",
    "signature": "matches the domain's columns and classes as declared now",
    "versions": "was trained with the installed versions of the libraries",
    "allow_list": "contains only allowed types",
    "golden_rows": "predicts its golden rows as it did after training",
}
"""The checks of `registry.loading`, in their order."""


def loading_checks(registry: Registry, info: ModelVersionInfo, domain: Domain) -> tuple[list[Check], ModelCard | None]:
    """Load a version as every consumer does. All checks are binding: no consumer can score with a version that fails.

    Returns:
        The checks up to the first failure, and the model's card if there is none.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    try:
        with registry.downloaded(info) as folder:
            return _checks_until(None), load_scorer(folder, domain).card
    except ModelRejectedError as error:
        return _checks_until(error.check, str(error)), None


def cost_check(card: ModelCard, max_us_per_row: float) -> Check:
    """Check the cost that training measured; timing it again would make the outcome depend on the machine's load."""
    limit = f"must be at most {max_us_per_row:g} (swap.max_us_per_row)"
    cost = card.us_per_row
    if cost is None:
        reason = f"the model card has no {COST_METRIC}; {limit}"
        return Check(name="cost", outcome="failed", reason=reason, is_binding=True)
    outcome: CheckOutcome = "passed" if cost <= max_us_per_row else "failed"
    return Check(name="cost", outcome=outcome, reason=f"{cost:.3g} µs a row in training; {limit}", is_binding=True)


def _checks_until(failed: str | None, message: str = "") -> list[Check]:
    """The checks up to the failed one; all of them if none failed."""
    checks: list[Check] = []
    for name, reason in _REASONS_TO_PASS.items():
        if name == failed:
            break
        checks.append(Check(name=name, outcome="passed", reason=reason, is_binding=True))
    if failed is not None:
        checks.append(Check(name=failed, outcome="failed", reason=message, is_binding=True))
    return checks
