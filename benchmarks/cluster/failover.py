"""`python -m benchmarks.cluster.failover`: how long a domain on a cluster stands still when its master is killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from benchmarks.cluster.__main__ import rig_on
from benchmarks.cluster.nodes import MASTERS, Servers, ask, cluster, node_of_key, wait
from benchmarks.ending import end_with
from registry.versions import ModelVersionInfo
from schemas.frozen_model import FrozenModel
from schemas.settings import Settings
from tasador.bench.machine import Machine, describe_machine
from tasador.bench.markdown import table
from tasador.bench.model import train_reference
from tasador.bench.payloads import payload_builder
from tasador.bench.rig import settings_for
from tasador.bench.throughput import Spread
from tasador.cli.terminal import print_line, print_note

REPORT = Path("reports/bench-failover.json")
NODE_TIMEOUT_S = 1.5
MOST_S = NODE_TIMEOUT_S + 2
"""How long a failover may stop a shard."""
LONGEST_S = 60.0
_POLL_S = 0.005


class Takeover(FrozenModel):
    """One killed master, in seconds.

    Attributes:
        takeover_s: from the kill to the replica that calls itself master.
        search_s: from there to a prediction to what is published then.
    """

    takeover_s: float
    search_s: float

    @property
    def whole_s(self) -> float:
        """From the kill to the next prediction."""
        return self.takeover_s + self.search_s


class FailoverReport(FrozenModel):
    """All takeovers."""

    made_at: datetime
    machine: Machine
    node_timeout_s: float
    takeovers: tuple[Takeover, ...]

    @property
    def is_good(self) -> bool:
        """Whether the goal is reached each time."""
        return max(each.whole_s for each in self.takeovers) <= MOST_S

    @property
    def page(self) -> str:
        """The table in Markdown."""
        parts: list[tuple[str, Callable[[Takeover], float]]] = [
            ("Redis's takeover", lambda each: each.takeover_s),
            ("a consumer that is back at work after it", lambda each: each.search_s),
            ("both", lambda each: each.whole_s),
        ]
        spreads = [(title, Spread.of(map(figure, self.takeovers))) for title, figure in parts]
        rows = [(title, f"{spread.median:.2f} s", f"{spread.max:.2f} s") for title, spread in spreads]
        return table(("", "median", "most"), rows)


def measure_takeover(folder: Path, settings: Settings, model: ModelVersionInfo) -> Takeover:
    """Kill the master of a domain that a consumer answers.

    Args:
        folder: for the nodes of a new cluster.
        settings: of the domain.
        model: that the consumer serves.

    Raises:
        BenchmarkError: the domain was not answered in time.
    """
    timeout = str(round(1000 * NODE_TIMEOUT_S))
    options = ("--cluster-node-timeout", timeout, "--cluster-require-full-coverage", "no")
    with cluster(folder, *options, replicas=1) as servers:
        rig = rig_on(servers, settings, model)
        with rig.client, rig.starting_consumer():
            return _kill(
                servers, rig.streams.listings, rig.streams.predictions, payload_builder(settings.load_domain())
            )


def _kill(servers: Servers, listings: str, predictions: str, payload: Callable[[int], bytes]) -> Takeover:
    master = node_of_key(listings)
    former, replica = servers.ports[master], servers.ports[MASTERS + master]
    ask(former, "XADD", listings, "*", "data", payload(0))
    _wait(lambda: ask(former, "XLEN", predictions), "a prediction before the kill")
    _wait(lambda: ask(former, "WAIT", 1, 1000), "the replica has it")
    begin_s = time.monotonic()
    servers.processes[master].send(signal.SIGKILL)
    _wait(lambda: ask(replica, "ROLE")[0] == b"master", "the replica takes over")
    taken_over_s = time.monotonic()
    # publishers may still wait for the former master
    _wait(lambda: ask(replica, "XADD", listings, "*", "data", payload(1)), "the new master takes listings")
    _wait(lambda: ask(replica, "XLEN", predictions) > 1, "a prediction on the new master")
    return Takeover(takeover_s=taken_over_s - begin_s, search_s=time.monotonic() - taken_over_s)


def _wait(fact: Callable[[], object], what: str) -> None:
    wait(fact, what, LONGEST_S, _POLL_S)


def time_failovers(
    kills: Annotated[int, typer.Option(min=1, help="Each in a new cluster.")] = 9,
    output: Annotated[Path, typer.Option(help="Report file.")] = REPORT,
) -> None:
    """Kill masters of a cluster and time the way to the next prediction; exits with 1 if the goal is missed."""
    with TemporaryDirectory(prefix="tasador-failover-") as name:
        home = Path(name)
        settings = settings_for("redis://127.0.0.1", home)
        model = train_reference(settings, print_note)
        takeovers = []
        for number in range(kills):
            takeover = measure_takeover(home / f"cluster-{number}", settings, model)
            print_note(
                f"kill {number + 1} of {kills}: takeover {takeover.takeover_s:.2f} s, "
                f"back at work {takeover.search_s:.2f} s later"
            )
            takeovers.append(takeover)
    report = FailoverReport(
        made_at=datetime.now(UTC),
        machine=describe_machine(),
        node_timeout_s=NODE_TIMEOUT_S,
        takeovers=tuple(takeovers),
    )
    print_line(report.page)
    end_with(report, output)


if __name__ == "__main__":
    typer.run(time_failovers)
