"""What the registry says, as tables, lines and documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from registry.catalogue import RegisteredModel
from registry.versions import FINGERPRINT_TAG, FORCED_BY_TAG, FORCED_TAG, GIT_TAG, TRIGGER_TAG, ModelVersionInfo
from tasador.cli.formatting import plain

if TYPE_CHECKING:
    from registry.store import Registry
    from schemas.settings import Settings
    from training.learning.comparison import Comparison

_SHOWN = ("cv_rmse", "test_rmse", "cv_accuracy", "test_accuracy", "us_per_row")
"""Metrics that the table of versions shows, where a version has them."""
_HEADS = {"us_per_row": "µs/ROW"}


def document(found: ModelVersionInfo) -> dict[str, Any]:
    """A version as plain values."""
    return asdict(found) | {"stage": found.stage.value}


def models_table(models: Sequence[RegisteredModel]) -> Table:
    """Registered models, one a line."""
    table = _table("MODEL", "VERSIONS", "CHAMPION", "CHALLENGER")
    for model in models:
        table.add_row(model.name, str(model.versions), model.champion or "-", model.challenger or "-")
    return table


def versions_table(infos: Sequence[ModelVersionInfo], *more: str) -> Table:
    """Versions, one a line; `more` names metrics beside the usual ones."""
    metrics = [name for name in dict.fromkeys((*more, *_SHOWN)) if any(name in info.metrics for info in infos)]
    heads = [_HEADS.get(name, name.upper()) for name in metrics]
    table = _table("VERSION", "STAGE", "MODEL", *heads, "GATE", "ALIASES")
    for info in infos:
        figures = [_figure(info.metrics.get(name)) for name in metrics]
        aliases = ", ".join(info.aliases) or "-"
        table.add_row(info.version, info.stage, info.algorithm, *figures, info.status, aliases)
    return table


def lines(found: ModelVersionInfo, features: Sequence[str]) -> Iterator[str]:
    """Everything about a version, a line each."""
    rows = {
        "name": found.name,
        "version": found.version,
        "stage": found.stage,
        "aliases": ", ".join(found.aliases) or "-",
        "gate": found.status,
        "model type": found.algorithm,
        "trained at": found.trained_at,
        "trigger": found.tags.get(TRIGGER_TAG, "-"),
        "code": found.tags.get(GIT_TAG, "-"),
        "features": ", ".join(features),
        "data": f"sha256 {found.data_sha256}",
        "digest": f"sha256 {found.digest}",
        "fingerprint": found.tags.get(FINGERPRINT_TAG, "-"),
        "stored at": found.uri,
        "run": found.run_id,
    }
    if FORCED_BY_TAG in found.tags:
        rows["forced"] = f"by {found.tags[FORCED_BY_TAG]}: {found.tags.get(FORCED_TAG, '')}"
    rows |= {name: f"{value:.4g}" for name, value in sorted(found.metrics.items()) if "/" not in name}
    width = max(map(len, rows)) + 2
    for name, value in rows.items():
        yield f"{name:<{width}}{plain(value, 400)}"


def gate_table(verdict: Mapping[str, Any]) -> Table:
    """The gate's report, a check a line."""
    against = f" against champion {verdict['champion']}" if verdict["champion"] else ""
    table = _table("CHECK", "OUTCOME", "REASON", title=f"The gate, to {verdict['stage']}{against}, {verdict['time']}")
    if footing := verdict.get("footing"):
        told = f"by {footing['rows']} rows: {footing['reason']}"
        table.add_row("footing", footing["how"], plain(told, 300))
    for check in verdict["checks"]:
        table.add_row(check["name"], check["outcome"], plain(check["reason"], 300))
    if override := verdict["override"]:
        table.add_row("override", "forced", plain(f"by {override['actor']}: {override['reason']}", 300))
    return table


def comparison_table(first: ModelVersionInfo, second: ModelVersionInfo) -> Table:
    """Two versions side by side: what they are, and every metric that one of them has."""
    table = _table("", f"VERSION {first.version}", f"VERSION {second.version}", "DIFFERENCE")
    for name, attribute in (("stage", "stage"), ("model type", "algorithm"), ("trained", "trained_at")):
        table.add_row(name, str(getattr(first, attribute)), str(getattr(second, attribute)), "")
    table.add_row("data", first.data_sha256[:12], second.data_sha256[:12], _sameness(first, second))
    for name in sorted({*first.metrics, *second.metrics}):
        if name.startswith(("cv_", "test_", "us_")):
            one, other = first.metrics.get(name), second.metrics.get(name)
            difference = f"{other - one:+.4g}" if one is not None and other is not None else "-"
            table.add_row(name, _figure(one), _figure(other), difference)
    return table


def compare_folds(
    registry: Registry, settings: Settings, first: ModelVersionInfo, second: ModelVersionInfo
) -> Comparison | None:
    """How much better the second is on the folds of the first; None where they were tried on others."""
    from schemas.errors import ModelRejectedError
    from training import Gate
    from training.learning.comparison import compare

    gate = Gate(registry, settings.load_domain(), settings)
    try:
        one, other = gate.read_record(first), gate.read_record(second)
    except ModelRejectedError:
        return None
    return compare(other.scores, one.scores, gate.domain, one.splits) if one.key == other.key else None


def _sameness(first: ModelVersionInfo, second: ModelVersionInfo) -> str:
    return "the same" if first.data_sha256 == second.data_sha256 else "another"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _table(*heads: str, title: str | None = None) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), title=title, title_justify="left", title_style="bold")
    for head in heads:
        # on a narrow terminal a cell is folded, never cut
        table.add_column(head, overflow="fold")
    return table
