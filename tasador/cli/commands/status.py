"""`tasador status`: shows the state of the system."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from operations.status import ConsumerStatus, Status, read_status
from tasador.cli.formatting import printable
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import stdout, write_json
from tasador.machine.running_system import find_settings, open_redis

EXAMPLE = "tasador status --watch"

_COLOURS = {"healthy": "green", "degraded": "yellow", "down": "red"}


def status(
    is_watching: Annotated[bool, typer.Option("--watch", "-w", help="Refresh until Ctrl-C.")] = False,
    interval_s: Annotated[float, typer.Option("--interval", min=0.1, help="Seconds between refreshes.")] = 1.0,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show state, backlog, consumers, totals, rate, latency, predictions and dead letters.

    Exits with 0 if the status could be read, whatever the state is. With --watch --json each line is one status.
    """
    with suppress(KeyboardInterrupt):
        statuses = _read_statuses(domain, interval_s if is_watching else None)
        if as_json:
            for current in statuses:
                write_json(current.model_dump(mode="json"))
        elif is_watching:
            with Live(console=stdout, auto_refresh=False) as live:
                for current in statuses:
                    live.update(render(current), refresh=True)
        else:
            stdout.print(render(next(statuses)))


def _read_statuses(domain: str | None, interval_s: float | None) -> Iterator[Status]:
    """The status once, or after each interval without end."""
    settings = find_settings(domain)
    declared = settings.load_domain()
    with open_redis(settings) as client:
        yield read_status(client, settings.streams, declared, settings.high_water, settings.retention)
        while interval_s is not None:
            time.sleep(interval_s)
            yield read_status(client, settings.streams, declared, settings.high_water, settings.retention)


def render(status: Status) -> RenderableType:
    """A status as text for a terminal."""
    head = Text.assemble((status.state, f"bold {_COLOURS[status.state]}"), f"  {status.prefix}")
    reasons = [Text(f"  {printable(reason, 200)}") for reason in status.reasons]
    return Group(head, *reasons, "", _figures(status), "", _consumers(status.consumers, status))


def _figures(status: Status) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in _lines(status):
        table.add_row(Text(name, style="dim"), Text(value))
    return table


def _lines(status: Status) -> Iterator[tuple[str, str]]:
    backlog, totals, latency, spread = status.backlog, status.totals, status.latency_ms, status.predictions
    yield (
        "model",
        f"version {status.model.version}, activation {status.model.activation}" if status.model else "none activated",
    )
    oldest = f", the oldest for {backlog.oldest_pending_s:.1f} s" if backlog.pending else ""
    about = "" if backlog.is_exact else "about "
    yield (
        "backlog",
        f"{about}{backlog.total:,} = {backlog.undelivered:,} undelivered + {backlog.pending:,} pending{oldest}",
    )
    yield (
        "answered",
        f"{totals.answered:,} = {totals.scored:,} scored + {totals.refused:,} refused + {totals.repeats:,} repeats",
    )
    yield "of these", f"{totals.imputed:,} imputed, {totals.unusual:,} unusual"
    yield "rate", f"{status.rate_per_s:,.1f}/s"
    if latency:
        figures = f"avg {latency.avg:.0f}  p50 {latency.p50:.0f}  p95 {latency.p95:.0f}  p99 {latency.p99:.0f} ms"
        left_out = f", {latency.left_out:,} not measurable" if latency.left_out else ""
        yield "latency", f"{figures}  (last {latency.count:,}{left_out})"
    elif status.ahead_s and totals.scored:
        yield "latency", "unknown: entry ids are ahead of Redis's clock"
    if spread:
        yield "predictions", f"mean {spread.mean:.2f}, sd {spread.sd:.2f}"
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in status.dead_letters.items())
    yield "dead letters", f"{reasons or 'none'} ({status.dead_letters_kept + status.rate_limited_kept:,} kept)"
    if status.uptime_s is not None:
        yield "uptime", _duration(status.uptime_s)


def _consumers(consumers: tuple[ConsumerStatus, ...], status: Status) -> RenderableType:
    if not consumers:
        return Text("no consumers", style="dim")
    table = Table("CONSUMER", "STATE", "VERSION", "ACTIVATION", "UP", "HOST", "PORT", box=None, pad_edge=False)
    for consumer in consumers:
        beat = consumer.heartbeat
        state = beat.state if consumer.is_living else f"silent for {consumer.silent_s:.0f} s"
        up = _duration(max(status.at_ms - beat.started_ms, 0) / 1000) if consumer.is_living else "-"
        cells = (beat.name, state, beat.version, beat.activation, up, f"{beat.host} ({beat.pid})", beat.port)
        table.add_row(*(Text(printable("-" if cell is None else cell)) for cell in cells))
    return table


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join([f"{count} {unit}" for count, unit in parts if count][:2]) or "0 s"
