"""What the view of the models shows, as tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from console.pages.texts import figure, table
from console.pictures.pairs import Pair, draw_pairs
from operations.serving import Serving
from operations.status import Status
from registry.versions import ModelVersionInfo
from schemas.history import Change

_SHOWN = ("cv_rmse", "test_rmse", "test_mae", "cv_accuracy", "test_accuracy", "test_macro_f1", "us_per_row")
"""Metrics in the table of versions; one that no version has is left out."""
_MARKS = {"passed": "good", "failed": "bad", "skipped": "muted"}
_MAX_PAIRS = 30


def training_text(status: Status) -> Markup:
    """The training that runs, with its phase."""
    running = [job for job in status.jobs if job.activity.what == "training"]
    if not running:
        return Markup('<p class="empty">No training runs.</p>')
    return Markup("").join(
        Markup('<p><strong>{}</strong> {} <progress aria-label="a training runs"></progress></p>').format(
            job.process, job.activity.describe(status.at_ms)
        )
        for job in running
    )


def versions_table(infos: Sequence[ModelVersionInfo], serving: Serving) -> Markup:
    """All versions, newest first, with what they are now."""
    metrics = [name for name in _SHOWN if any(name in info.metrics for info in infos)]
    rows: list[list[object]] = [
        [
            Markup('<span data-version="{0}">{0}</span>').format(info.version),
            ", ".join((*info.aliases, *serving.roles_of(info.version))),
            info.algorithm,
            info.trained_at[:16].replace("T", " "),
            Markup('<span class="{}">{}</span>').format(
                {"passed": "good", "forced": "warn", "failed": "bad"}.get(info.status, "muted"), info.status
            ),
            *(info.metrics.get(name) for name in metrics),
        ]
        for info in infos
    ]
    return table(["version", "is", "recipe", "trained (UTC)", "gate", *metrics], rows, "Versions, newest first")


def comparison(pair: Sequence[ModelVersionInfo]) -> Markup:
    """Two versions side by side: all metrics, and the error by segment as a picture."""
    if len({info.version for info in pair}) < 2:  # noqa: PLR2004
        return Markup('<p class="empty">Choose two versions.</p>')
    first, second = pair
    names = [name for name in first.metrics if "/" not in name and name in second.metrics]
    if not names:
        return Markup('<p class="empty">Versions {} and {} have no metrics in common.</p>').format(
            first.version, second.version
        )
    rows: list[list[object]] = [
        [name, first.metrics[name], second.metrics[name], _change(first.metrics[name], second.metrics[name])]
        for name in names
    ]
    heads = ["metric", f"version {first.version}", f"version {second.version}", "change"]
    shown = table(heads, rows, f"Metrics of versions {first.version} and {second.version}")
    for kind in ("rmse", "accuracy"):
        pairs: list[Pair] = [
            (name.split("/")[1], value, second.metrics.get(name))
            for name, value in first.metrics.items()
            if name.startswith("segment/") and name.endswith(f"/{kind}")
        ]
        if pairs:
            shown += draw_pairs(f"{kind} by segment", (heads[1], heads[2]), pairs[:_MAX_PAIRS])
    return shown


def gate_table(version: str, report: Mapping[str, Any] | None) -> Markup:
    """The gate's report, one row for each check."""
    if report is None:
        return Markup('<p class="empty">The gate has not judged version {}.</p>').format(version)
    rows: list[list[object]] = [
        [
            str(check["name"]).replace("_", " "),
            Markup('<span class="{}">{}</span>').format(_MARKS.get(check["outcome"], "muted"), check["outcome"]),
            check["reason"],
        ]
        for check in report["checks"]
    ]
    against = f" against champion {report['champion']}" if report.get("champion") else ""
    override = report.get("override")
    forced = f"; overridden by {override['actor']}: {override['reason']}" if override else ""
    caption = f"The gate on version {version}{against}{forced}"
    return Markup("<p><strong>{}</strong></p>{}").format(caption, table(["check", "outcome", "why"], rows, caption))


def history_table(changes: Sequence[Change]) -> Markup:
    """Who changed what, when and why."""
    rows: list[list[object]] = [
        [
            f"{change.time:%Y-%m-%d %H:%M:%S}",
            change.deed,
            change.result,
            change.version,
            change.actor,
            change.reason or change.message,
        ]
        for change in changes
    ]
    return table(["time (UTC)", "what", "result", "version", "who", "why"], rows, "Changes of the models, newest first")


def _change(first: float, second: float) -> str:
    return f"{(second - first) / abs(first):+.1%}" if first else figure(second - first)
