"""Registered models and versions as tables, lines and JSON documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from operations.serving import Serving
from registry.catalogue import RegisteredModel
from registry.decisions import decisions_in
from registry.versions import FINGERPRINT_TAG, FORCED_BY_TAG, FORCED_TAG, GIT_TAG, TRIGGER_TAG, ModelVersionInfo
from schemas.command_line import spell_command
from tasador.cli.formatting import printable
from tasador.cli.terminal_table import TableColumn, TerminalTable

if TYPE_CHECKING:
    from registry.store import Registry
    from schemas.settings import Settings
    from training.learning.comparison import Comparison

_SHOWN = ("cv_rmse", "test_rmse", "cv_accuracy", "test_accuracy", "us_per_row")
"""Metrics in the table of versions; one that no version has is left out."""
_MODEL_FIGURES = ("VERSIONS", "CHAMPION", "CHALLENGER")
_HEADS = {"us_per_row": "COST (µs/row)"}


def document(info: ModelVersionInfo, serving: Serving | None = None) -> dict[str, Any]:
    """A version as a JSON document; `serving` says whether it is desired, and how many consumers run it."""
    more: dict[str, Any] = {"stage": info.stage.value}
    if serving is not None:
        more |= {"is_desired": info.version == serving.desired, "active_in": serving.active.get(info.version, 0)}
    return asdict(info) | more


def nothing_registered(domain: str) -> str:
    """What to show of an empty registry."""
    return f"nothing is registered: train with `{spell_command('train', domain)}`"


def models_table(models: Sequence[RegisteredModel], servings: Mapping[str, Serving]) -> TerminalTable:
    """One row for each registered model, with the versions that are desired and active where they are known."""
    heads = (*_MODEL_FIGURES, *(("DESIRED", "ACTIVE") if servings else ()))
    columns = (TableColumn("MODEL"), *(TableColumn(head, is_number=True) for head in heads))
    rows = []
    for model in models:
        cells = [model.name, str(model.versions), model.champion or "-", model.challenger or "-"]
        if servings:
            serving = servings.get(model.name, Serving())
            cells += [serving.desired or "-", ", ".join(serving.active) or "-"]
        rows.append(tuple(cells))
    return TerminalTable(columns, rows)


def versions_table(infos: Sequence[ModelVersionInfo], *more: str, serving: Serving | None = None) -> TerminalTable:
    """One row for each version; `more` names further metrics, `serving` the versions that are desired and active."""
    metrics = [name for name in dict.fromkeys((*more, *_SHOWN)) if any(name in info.metrics for info in infos)]
    columns = (
        TableColumn("VERSION", is_number=True),
        TableColumn("STAGE"),
        *((TableColumn("SERVING", is_prose=True),) if serving else ()),
        TableColumn("MODEL", is_prose=True),
        *(TableColumn(_head(name), is_number=True) for name in metrics),
        TableColumn("GATE"),
        TableColumn("ALIASES", is_prose=True),
    )
    rows = [
        (
            info.version,
            info.stage,
            *((", ".join(role.split()[0] for role in serving.roles_of(info.version)) or "-",) if serving else ()),
            info.algorithm,
            *(_figure(info.metrics.get(name)) for name in metrics),
            info.status,
            ", ".join(info.aliases) or "-",
        )
        for info in infos
    ]
    return TerminalTable(columns, rows)


def lines(info: ModelVersionInfo, features: Sequence[str], serving: Serving | None = None) -> Iterator[str]:
    """Everything about a version, one line for each item."""
    rows = {
        "name": info.name,
        "version": info.version,
        "stage": info.stage,
        "aliases": ", ".join(info.aliases) or "-",
        "gate": info.status,
        "model type": info.algorithm,
        "trained at": info.trained_at,
        "trigger": info.tags.get(TRIGGER_TAG, "-"),
        "code": info.tags.get(GIT_TAG, "-"),
        "features": ", ".join(features),
        "data": f"sha256 {info.data_sha256}",
        "digest": f"sha256 {info.digest}",
        "fingerprint": info.tags.get(FINGERPRINT_TAG, "-"),
        "stored at": info.uri,
        "run": info.run_id,
        "serving form": f"none, its pipeline scores: {why}" if (why := info.why_no_form) else "yes",
    }
    if serving is not None:
        rows["serving"] = f"{', '.join(serving.roles_of(info.version)) or 'no'} ({serving})"
    for number, decision in enumerate(decisions_in(info.tags), 1):
        why = f": {decision.reason}" if decision.reason else ""
        rows[f"decision {number}"] = f"{decision.time[:19]} {decision.verdict} for {decision.requester.actor}{why}"
    if FORCED_BY_TAG in info.tags:
        rows["forced"] = f"by {info.tags[FORCED_BY_TAG]}: {info.tags.get(FORCED_TAG, '')}"
    rows |= {name: f"{value:.4g}" for name, value in sorted(info.metrics.items()) if "/" not in name}
    width = max(map(len, rows)) + 2
    for name, value in rows.items():
        yield f"{name:<{width}}{printable(value, 400)}"


def gate_table(verdict: Mapping[str, Any]) -> TerminalTable:
    """The gate's report, one row for each check."""
    against = f" against champion {verdict['champion']}" if verdict["champion"] else ""
    rows = []
    if footing := verdict.get("footing"):
        rows.append(("footing", footing["how"], f"by {footing['rows']} rows: {footing['reason']}"))
    rows += [(check["name"], check["outcome"], check["reason"]) for check in verdict["checks"]]
    if override := verdict["override"]:
        rows.append(("override", "forced", f"by {override['actor']}: {override['reason']}"))
    columns = (TableColumn("CHECK"), TableColumn("OUTCOME"), TableColumn("REASON", is_prose=True))
    return TerminalTable(columns, rows, title=f"Gate to {verdict['stage']}{against}, {verdict['time']}")


def comparison_table(first: ModelVersionInfo, second: ModelVersionInfo) -> TerminalTable:
    """Two versions side by side, with every metric that either of them has."""
    rows = [
        (name, str(getattr(first, attribute)), str(getattr(second, attribute)), "")
        for name, attribute in (("stage", "stage"), ("model type", "algorithm"), ("trained", "trained_at"))
    ]
    sameness = "same" if first.data_sha256 == second.data_sha256 else "different"
    rows.append(("data", first.data_sha256[:12], second.data_sha256[:12], sameness))
    for name in sorted({*first.metrics, *second.metrics}):
        if name.startswith(("cv_", "test_", "us_")):
            one, other = first.metrics.get(name), second.metrics.get(name)
            difference = f"{other - one:+.4g}" if one is not None and other is not None else "-"
            rows.append((name, _figure(one), _figure(other), difference))
    heads = (f"VERSION {first.version}", f"VERSION {second.version}", "DIFFERENCE")
    return TerminalTable((TableColumn(""), *(TableColumn(head, is_number=True) for head in heads)), rows)


def compare_folds(
    registry: Registry, settings: Settings, first: ModelVersionInfo, second: ModelVersionInfo
) -> Comparison | None:
    """How much better the second version is; None if the two were not evaluated on the same rows and folds."""
    from schemas.errors import ModelRejectedError
    from training import Gate
    from training.learning.comparison import compare

    gate = Gate(registry, settings.load_domain(), settings)
    try:
        one, other = gate.read_record(first), gate.read_record(second)
    except ModelRejectedError:
        return None
    return compare(other.scores, one.scores, one.metric, one.splits) if one.key == other.key else None


def _head(metric: str) -> str:
    return _HEADS.get(metric, metric.upper().replace("_", " "))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
