"""Whether a version can be put in charge at all: fetched anew from the registry, loaded, tried, timed."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from registry.cost import us_per_row
from registry.folder import read_golden
from registry.loading import load_scorer
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.rows import RowBuilder
from training.gate.report import Check

_WHAT = {
    "digest": "the stored files are those that were registered",
    "signature": "made for this domain, its columns and classes as they are declared now",
    "versions": "made with the libraries that are installed",
    "allow_list": "holds only types that may be loaded",
    "golden_rows": "answers its golden rows as it did when it was trained",
}
"""The checks of `registry.loading`, in their order, and what it means to pass them."""


def loading_checks(registry: Registry, found: ModelVersionInfo, domain: Domain, max_us_per_row: float) -> list[Check]:
    """Load a version as every consumer will. No force overrides what fails here, because nothing could score with it.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="tasador-gate-") as aside:
        folder = Path(aside) / "model"
        try:
            registry.download(found, folder)
            scorer = load_scorer(folder, domain, math.inf)
        except ModelRejectedError as error:
            return _until(error.check, str(error))
        rows, _ = read_golden(folder, scorer.card)
        cost = us_per_row(scorer.score, RowBuilder(domain).matrix_of_frame(rows), enough=max_us_per_row)
    reason = f"{cost:.3g} µs a row in a batch of 1,000, at most {max_us_per_row:g} is allowed (swap.max_us_per_row)"
    outcome = "passed" if cost <= max_us_per_row else "failed"
    return [*_until(None), Check(name="cost", outcome=outcome, reason=reason, is_binding=True)]


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
