"""`python -m benchmarks.cluster`: what an event costs on a cluster of three masters, relative to one Redis."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from pydantic import SecretStr

from benchmarks.cluster.drains import measure_drain, measure_idle
from benchmarks.cluster.nodes import MASTERS, Servers, cluster, node_of_key, one_server
from benchmarks.cluster.report import CLUSTER, ONE, ONE_SHARDED, ClusterReport
from benchmarks.ending import end_with
from registry.versions import ModelVersionInfo
from schemas.settings import Settings
from schemas.streams import Streams
from tasador.bench.machine import describe_machine
from tasador.bench.model import train_reference
from tasador.bench.payloads import payload_builder
from tasador.bench.rig import Rig, settings_for
from tasador.cli.terminal import print_line, print_note

REPORT = Path("reports/bench-cluster.json")


def cluster_cost(
    listings: Annotated[int, typer.Option(help="Of each drain.")] = 200_000,
    rounds: Annotated[int, typer.Option(help="Each drains the same listings in every setup.")] = 5,
    idle_s: Annotated[float, typer.Option(help="How long idle shards are measured, in seconds.")] = 20.0,
    quick: Annotated[bool, typer.Option("--quick", help="60,000 listings in 2 rounds.")] = False,  # noqa: FBT002 - a flag
    output: Annotated[Path, typer.Option(help="Report file.")] = REPORT,
) -> None:
    """Measure what an event costs on one Redis and on a cluster; exits with 1 if a goal is missed."""
    if quick:
        listings, rounds, idle_s = 60_000, 2, 5.0
    with TemporaryDirectory(prefix="tasador-cluster-") as name, ExitStack() as running:
        home = Path(name)
        one = running.enter_context(one_server(home / "redis"))
        three = running.enter_context(cluster(home / "cluster"))
        settings = settings_for(one.url, home).model_copy(update={"prefix": spread_prefix()})
        model = train_reference(settings, print_note)
        rigs = {servers: rig_on(servers, settings, model) for servers in (one, three)}
        payload = payload_builder(settings.load_domain())
        payloads = [payload(number) for number in range(listings)]
        setups = ((ONE, one, 1), (ONE_SHARDED, one, MASTERS), (CLUSTER, three, MASTERS))
        drains = []
        for number in range(rounds):
            first = number % len(setups)
            for title, servers, shards in (*setups[first:], *setups[:first]):
                drain = measure_drain(title, rigs[servers], servers, shards, payloads)
                print_note(
                    f"round {number + 1} of {rounds}: {title}: {drain.event_us:.2f} µs an event "
                    f"({drain.consumer_us:.2f} the consumer), publisher {drain.publisher_us:.2f} µs, "
                    f"{drain.events_per_s:,.0f} events/s"
                )
                drains.append(drain)
        idle = measure_idle(rigs[three], idle_s)
        machine = describe_machine(rigs[one].client)
    report = ClusterReport(
        made_at=datetime.now(UTC), machine=machine, listings=listings, drains=tuple(drains), idle=idle
    )
    print_line(report.page)
    end_with(report, output)


def spread_prefix() -> str:
    """A prefix whose shards lie on all masters."""
    return next(prefix for prefix in _prefixes() if len(set(_nodes_of_shards(prefix))) == MASTERS)


def rig_on(servers: Servers, settings: Settings, model: ModelVersionInfo) -> Rig:
    """Where consumers are measured on these servers."""
    return Rig(servers.url, settings.model_copy(update={"redis_url": SecretStr(servers.url)}), model)


def _prefixes() -> Iterator[str]:
    while True:
        yield f"{{bench-{uuid.uuid4().hex[:12]}}}"


def _nodes_of_shards(prefix: str) -> list[int]:
    return [node_of_key(Streams(prefix, shard).listings) for shard in range(MASTERS)]


if __name__ == "__main__":
    typer.run(cluster_cost)
