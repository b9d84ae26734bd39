"""Whether a version can be put in charge at all: fetched anew from the registry, loaded, tried; and what it costs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from registry.card import COST_METRIC, ModelCard
from registry.loading import load_scorer
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from training.gate.report import Check, Outcome

_WHAT = {
    "digest": "the stored files are those that were registered",
    "signature": "made for this domain, its columns and classes as they are declared now",
    "versions": "made with the libraries that are installed",
    "allow_list": "holds only types that may be loaded",
    "golden_rows": "answers its golden rows as it did when it was trained",
}
"""The checks of `registry.loading`, in their order, and what it means to pass them."""


def loading_checks(registry: Registry, found: ModelVersionInfo, domain: Domain) -> tuple[list[Check], ModelCard | None]:
    """Load a version as every consumer will. No force overrides what fails here, because nothing could score with it.

    Returns:
        The checks up to the first that failed, and the model's card if none did.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="tasador-gate-") as aside:
        folder = Path(aside) / "model"
        try:
            registry.download(found, folder)
            return _until(None), load_scorer(folder, domain).card
        except ModelRejectedError as error:
            return _until(error.check, str(error)), None


def cost_check(card: ModelCard, max_us_per_row: float) -> Check:
    """Compare the cost that was measured in training with the limit; nothing is timed here.

    A version is admitted or not whatever else the machine does at that moment.
    """
    limit = f"must be at most {max_us_per_row:g} (swap.max_us_per_row)"
    cost = card.us_per_row
    if cost is None:
        reason = f"its card has no {COST_METRIC}; {limit}"
        return Check(name="cost", outcome="failed", reason=reason, is_binding=True)
    outcome: Outcome = "passed" if cost <= max_us_per_row else "failed"
    return Check(name="cost", outcome=outcome, reason=f"{cost:.3g} µs a row in training; {limit}", is_binding=True)


def _until(failed: str | None, message: str = "") -> list[Check]:
    """The checks up to the one that failed; all of them where none did."""
    checks: list[Check] = []
    for name, meaning in _WHAT.items():
        if name == failed:
            break
        checks.append(Check(name=name, outcome="passed", reason=meaning, is_binding=True))
    if failed is not None:
        checks.append(Check(name=failed, outcome="failed", reason=message, is_binding=True))
    return checks
