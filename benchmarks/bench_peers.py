"""`python -m benchmarks.bench_peers`: FastAPI, MLServer, BentoML and streaq beside the consumer, as a report."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.ending import end_with
from benchmarks.page import peers_section
from benchmarks.peer_rates import measure_peers
from benchmarks.peer_redis import redis_of_image
from tasador.bench.model import train_champion, train_reference
from tasador.bench.rig import Rig, bench_workspace, settings_for
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note

REPORT = Path("reports/peers.json")


def bench_peers(
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds.")] = 5,
    listings: Annotated[int, typer.Option(min=2000, help="Listings that the consumer drains in a round.")] = 200_000,
    redis_url: Annotated[
        str | None, typer.Option(help="A Redis without other clients.", show_default="a private one")
    ] = None,
    streaq_image: Annotated[
        list[str] | None,
        typer.Option(help="Measure streaq on a Redis of this image; may be repeated.", show_default="that Redis"),
    ] = None,
    output: Annotated[Path, typer.Option(help="Report file.")] = REPORT,
) -> None:
    """Measure other ways to serve the same model beside the consumer. Exits with 1 if the target is missed."""
    with interrupt_on_signals(), ExitStack() as running:
        url, home = running.enter_context(bench_workspace(redis_url))
        urls = [running.enter_context(redis_of_image(image)) for image in streaq_image or ()]
        settings = settings_for(url, home)
        rig = Rig(url, settings, train_reference(settings, print_note))
        report = measure_peers(
            rig, listings, rounds, print_note, champion=train_champion(settings, print_note), streaq_urls=urls
        )
    print_line(peers_section(report))
    end_with(report, output)


if __name__ == "__main__":
    typer.run(bench_peers)
