"""`tasador status`: how the system does, at a glance."""

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
from tasador.cli.formatting import plain
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import out, write_json
from tasador.machine.running_system import find_settings, open_redis, redis_url
from transport.connection import speaking_to

EXAMPLE = "tasador status --watch"

_COLOURS = {"healthy": "green", "degraded": "yellow", "down": "red"}


def status(
    is_watching: Annotated[bool, typer.Option("--watch", "-w", help="Show it again and again until Ctrl-C.")] = False,
    interval_s: Annotated[float, typer.Option("--interval", min=0.1, help="Seconds between two looks.")] = 1.0,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show state, backlog, consumers, totals, rate, latency, predictions and dead letters.

    Ends with 0 if the status could be read, whatever it says: the state is in it. With --watch --json each line is one
    look.
    """
    with suppress(KeyboardInterrupt):
        looks = _looks(domain, interval_s if is_watching else None)
        if as_json:
            for look in looks:
                write_json(look.model_dump(mode="json"))
        elif is_watching:
            with Live(console=out, auto_refresh=False) as live:
                for look in looks:
                    live.update(render(look), refresh=True)
        else:
            out.print(render(next(looks)))


def _looks(domain: str | None, interval_s: float | None) -> Iterator[Status]:
    """One look, or one each interval for ever."""
    settings = find_settings(domain)
    declared = settings.load_domain()
    with speaking_to(redis_url(settings)), open_redis(settings) as client:
        yield read_status(client, settings.streams, declared, settings.high_water, settings.retention)
        while interval_s is not None:
            time.sleep(interval_s)
            yield read_status(client, settings.streams, declared, settings.high_water, settings.retention)


def render(look: Status) -> RenderableType:
    """A status for a person."""
    head = Text.assemble((look.state, f"bold {_COLOURS[look.state]}"), f"  {look.prefix}")
    reasons = [Text(f"  {plain(reason, 200)}") for reason in look.reasons]
    return Group(head, *reasons, "", _figures(look), "", _consumers(look.consumers, look))


def _figures(look: Status) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in _lines(look):
        table.add_row(Text(name, style="dim"), Text(value))
    return table


def _lines(look: Status) -> Iterator[tuple[str, str]]:
    backlog, totals, latency, spread = look.backlog, look.totals, look.latency_ms, look.predictions
    yield (
        "model",
        f"version {look.model.version}, activation {look.model.activation}" if look.model else "none activated",
    )
    waits = f", the oldest for {backlog.oldest_pending_s:.1f} s" if backlog.pending else ""
    about = "" if backlog.is_exact else "about "
    yield (
        "backlog",
        f"{about}{backlog.total:,} = {backlog.undelivered:,} undelivered + {backlog.pending:,} pending{waits}",
    )
    yield (
        "answered",
        f"{totals.answered:,} = {totals.scored:,} scored + {totals.refused:,} refused + {totals.repeats:,} repeats",
    )
    yield "of these", f"{totals.imputed:,} imputed, {totals.unusual:,} unusual"
    yield "rate", f"{look.rate_per_s:,.1f}/s"
    if latency:
        told = f"avg {latency.avg:.0f}  p50 {latency.p50:.0f}  p95 {latency.p95:.0f}  p99 {latency.p99:.0f} ms"
        yield "latency", f"{told}  (last {latency.count:,})"
    if spread:
        yield "predictions", f"mean {spread.mean:.2f}, sd {spread.sd:.2f}"
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in look.dead_letters.items())
    yield "dead letters", f"{reasons or 'none'} ({look.dead_letters_kept + look.rate_limited_kept:,} kept)"
    if look.uptime_s is not None:
        yield "uptime", _duration(look.uptime_s)


def _consumers(consumers: tuple[ConsumerStatus, ...], look: Status) -> RenderableType:
    if not consumers:
        return Text("no consumers", style="dim")
    table = Table("CONSUMER", "STATE", "VERSION", "ACTIVATION", "UP", "HOST", "PORT", box=None, pad_edge=False)
    for consumer in consumers:
        beat = consumer.heartbeat
        state = beat.state if consumer.is_living else f"silent for {consumer.silent_s:.0f} s"
        up = _duration((look.at_ms - beat.started_ms) / 1000) if consumer.is_living else "-"
        cells = (beat.name, state, beat.version, beat.activation, up, f"{beat.host} ({beat.pid})", beat.port)
        table.add_row(*(Text(plain("-" if cell is None else cell)) for cell in cells))
    return table


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join([f"{count} {unit}" for count, unit in parts if count][:2]) or "0 s"
