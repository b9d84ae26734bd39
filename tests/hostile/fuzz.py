"""`make fuzz`: runs millions of hostile entries through the decoder alone, and through a consumer on its own Redis."""

from __future__ import annotations

import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from schemas.streams import Streams
from tasador.cli.terminal import print_line, stderr, write_json
from tests.hostile.decoding import DecoderFigures, decode_all
from tests.hostile.handling import HandlerFigures, delays_ms, handle_all, median_difference_ms, running_consumer
from tests.hostile.mutations import entries
from tests.hostile.strategies import drawn_entries
from tests.redis_server import RedisServer
from transport.connection import connect

EXAMPLE = "make fuzz N=1000000 SEED=7"
MAX_GROWTH_MIB = 32
MAX_DELAY_MS = 100
_PAIRS, _BATCH, _MAX_DRAWN = 100, 1000, 20_000

app = typer.Typer(add_completion=False)


@app.command(epilog=f"Example: {EXAMPLE}")
def fuzz(
    count: Annotated[int, typer.Option(help="How many hostile entries.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same entries.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Publish mutated listings, and check that a consumer gives each one outcome."""
    drawn = list(drawn_entries(min(count // 50, _MAX_DRAWN), seed))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr) as progress:
        begin = time.monotonic()
        stream = chain(drawn, entries(seed, count - len(drawn)))
        decoded = decode_all(progress.track(stream, total=count, description="decoder"))
        decoder_s = time.monotonic() - begin
        task = progress.add_task("consumer", total=count)
        stream = chain(drawn, entries(seed, count - len(drawn)))
        with tempfile.TemporaryDirectory() as folder:
            server = RedisServer(Path(folder))
            server.start()
            try:
                handled, delays = _handle(server.url, stream, seed, lambda n: progress.advance(task, n))
            finally:
                server.stop()
    figures = _figures(count, seed, decoded, decoder_s, handled, delays)
    if as_json:
        write_json(figures)
    else:
        for name, value in figures.items():
            print_line(f"{name:<28} {value}")
    if handled.growth_mib > MAX_GROWTH_MIB or figures["delay_ms"] > MAX_DELAY_MS:
        raise typer.Exit(1)


def _handle(url: str, stream: Any, seed: int, on_progress: Any) -> tuple[HandlerFigures, tuple[list[int], list[int]]]:
    streams, begin = Streams("fuzz"), time.monotonic()
    with connect(url) as client, running_consumer(url, streams.prefix) as process:
        handled = handle_all(client, streams, process, stream, on_progress)
        handled.seconds = time.monotonic() - begin
        return handled, delays_ms(client, streams, seed, _PAIRS, _BATCH)


def _figures(
    count: int,
    seed: int,
    decoded: DecoderFigures,
    decoder_s: float,
    handled: HandlerFigures,
    delays: tuple[list[int], list[int]],
) -> dict[str, Any]:
    good, hostile = (sorted(each) for each in delays)
    return {
        "entries": count,
        "seed": seed,
        "decoder_outcomes": dict(decoded.outcomes.most_common()),
        "decoder_us_per_entry": round(decoded.cpu_s / count * 1e6, 1),
        "decoder_slowest_us": [(round(s * 1e6), outcome, size) for s, outcome, size in decoded.slowest],
        "decoder_seconds": round(decoder_s),
        "handler_outcomes": dict(handled.outcomes),
        "handler_reasons": handled.reasons,
        "handler_seconds": round(handled.seconds),
        "rss_mib": [round(mib, 1) for mib in (handled.rss_mib[0], max(handled.rss_mib), handled.rss_mib[-1])],
        "rss_growth_mib": round(handled.growth_mib, 1),
        "good_among_good_ms": good[len(good) // 2],
        "good_among_hostile_ms": hostile[len(hostile) // 2],
        "delay_ms": median_difference_ms(*delays),
    }


if __name__ == "__main__":
    app()
