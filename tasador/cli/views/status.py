"""The status of a domain for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from operations.jobs import Job
from operations.processes import AnyProcess
from operations.status import Status
from schemas.states import ConsumerHeartbeat
from tasador.cli.formatting import format_entry_time, format_time, printable
from tasador.cli.terminal_table import TableColumn, TerminalTable
from tasador.cli.views.events import describe_model_event

_PROCESSES = (
    TableColumn("PROCESS", is_prose=True),
    TableColumn("ROLE"),
    TableColumn("STATE", is_prose=True),
    TableColumn("VERSION", is_number=True),
    TableColumn("UP", is_prose=True),
    TableColumn("HOST (pid)", is_prose=True),
    TableColumn("PORT", is_number=True),
)
_COLOURS = {"healthy": "green", "degraded": "yellow", "down": "red"}


def status_view(status: Status) -> RenderableType:
    """State and reasons, figures, processes, and the newest events."""
    head = Text.assemble((status.state, f"bold {_COLOURS[status.state]}"), f"  {status.prefix}")
    reasons = [Text(f"  {printable(reason, 300)}") for reason in status.reasons]
    parts: list[RenderableType] = [head, *reasons, "", _figures(status), "", _processes(status)]
    if status.events:
        parts += ["", Text("last model events, newest first", style="dim")]
        parts += [
            Text(
                f"{format_entry_time(one.entry)}  {describe_model_event(one.event)}", no_wrap=True, overflow="ellipsis"
            )
            for one in status.events
        ]
    return Group(*parts)


def _figures(status: Status) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in (*_models(status), *_listings(status), *_rest(status)):
        table.add_row(Text(name, style="dim"), Text(value))
    return table


def _models(status: Status) -> Iterator[tuple[str, str]]:
    model, serving, registry = status.model, status.serving, status.registry
    yield "model", f"version {model.version}, activation {model.activation}" if model else "none activated"
    if not serving.is_one:
        yield "versions", str(serving)
    if registry.versions is None:
        yield "registry", "not known: no living training worker has read it"
    else:
        count = f"{registry.versions} version{'' if registry.versions == 1 else 's'}"
        yield "registry", f"{count}, champion {registry.champion or 'none'}"
    for number, job in enumerate(status.jobs):
        yield "" if number else "jobs", _job(job)
    if not status.jobs:
        yield "jobs", "none"
    if pause := status.loop_pause:
        why = f": {pause.reason}" if pause.reason else ""
        yield "loop", printable(f"paused by {pause.actor} since {format_time(pause.time)}{why}", 200)


def _job(job: Job) -> str:
    text = f"{job.process}: {job.activity.what} for {duration(job.seconds)}"
    if job.activity.phase and job.phase_seconds is not None:
        detail = f": {job.activity.detail}" if job.activity.detail else ""
        text += f", {job.activity.phase} for {duration(job.phase_seconds)}{detail}"
    return printable(text, 200)


def _listings(status: Status) -> Iterator[tuple[str, str]]:
    backlog, totals = status.backlog, status.totals
    oldest = f", the oldest for {backlog.oldest_pending_s:.1f} s" if backlog.pending else ""
    about = "" if backlog.is_exact else "about "
    if status.shards > 1:
        yield "shards", str(status.shards)
    yield (
        "backlog",
        f"{about}{backlog.total:,} = {backlog.undelivered:,} undelivered + {backlog.pending:,} pending{oldest}",
    )
    yield (
        "answered",
        f"{totals.answered:,} = {totals.scored:,} scored + {totals.refused:,} refused + {totals.repeats:,} repeats",
    )
    yield "of these", f"{totals.imputed:,} imputed, {totals.unusual:,} unusual"


def _rest(status: Status) -> Iterator[tuple[str, str]]:
    latency, spread = status.latency_ms, status.predictions
    yield "rate", f"{status.rate_per_s:,.1f}/s"
    if latency:
        figures = f"avg {latency.avg:.0f}  p50 {latency.p50:.0f}  p95 {latency.p95:.0f}  p99 {latency.p99:.0f} ms"
        left_out = f", {latency.left_out:,} not measurable" if latency.left_out else ""
        yield "latency", f"{figures}  (last {latency.count:,}{left_out})"
    elif status.ahead_s and status.totals.scored:
        yield "latency", "unknown: entry ids are ahead of Redis's clock"
    if spread:
        yield "predictions", f"mean {spread.mean:.2f}, sd {spread.sd:.2f}"
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in status.dead_letters.items())
    yield "dead letters", f"{reasons or 'none'} ({status.dead_letters_kept + status.rate_limited_kept:,} kept)"
    if lookups := ", ".join(f"{result} {count:,}" for result, count in sorted(status.lookups.items()) if count):
        yield "looked up", lookups
    if status.gateways:
        beats = [gateway.heartbeat for gateway in status.gateways if gateway.is_living]
        requests, refused = sum(beat.requests for beat in beats), sum(beat.refused for beat in beats)
        yield "over HTTP", f"{requests:,} requests, {refused:,} of them refused"
    if status.uptime_s is not None:
        yield "uptime", duration(status.uptime_s)


def _processes(status: Status) -> RenderableType:
    roles: tuple[tuple[str, tuple[AnyProcess, ...]], ...] = (
        ("consumer", status.consumers),
        ("trainer", status.trainers),
        ("monitor", status.monitors),
        ("explainer", status.explainers),
        ("gateway", status.gateways),
    )
    rows = [_cells(role, process, status) for role, processes in roles for process in processes]
    none = [f"no {role}s" for role, processes in roles if not processes and role != "gateway"]
    missing = Text(", ".join(none), style="dim")
    return Group(*([TerminalTable(_PROCESSES, rows)] if rows else []), *([missing] if none else []))


def _cells(role: str, process: AnyProcess, status: Status) -> tuple[str, ...]:
    beat = process.heartbeat
    state = beat.state if process.is_living else f"silent for {process.silent_s:.0f} s"
    up = duration(max(status.at_ms - beat.started_ms, 0) / 1000) if process.is_living else "-"
    version = beat.version if isinstance(beat, ConsumerHeartbeat) else None
    return beat.name, role, state, version or "-", up, f"{beat.host} ({beat.pid})", str(beat.port)


def duration(seconds: float) -> str:
    """The two largest units, such as ``2 h 5 min``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join([f"{count} {unit}" for count, unit in parts if count][:2]) or "0 s"
