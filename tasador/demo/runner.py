"""Runs the demo: starts the system, trains missing models, publishes, swaps half-way, and prints the results."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import redis

from operations.command_sender import Activation
from schemas.errors import NotConfirmedError
from schemas.states import DesiredModel
from schemas.streams import Streams
from tasador.cli.terminal import print_line, stdout
from tasador.demo.answers import read_answers, wait_for_answers
from tasador.demo.flow import DemoFlow
from tasador.demo.listings import demo_listings
from tasador.demo.models import DemoModels, prepare_models, shared_test_rows
from tasador.demo.progress import DemoProgressBars
from tasador.demo.report import DemoReport
from tasador.machine.running_system import open_redis
from tasador.machine.system import System

READY_TIMEOUT_S = 120.0
ANSWER_TIMEOUT_S = 30.0


def run_demo(system: System, notify: Callable[[str], None]) -> bool:
    """Run the demo on a system that has not been started; returns whether every listing got exactly one outcome.

    Raises:
        TasadorError: a process does not start, a model cannot be trained, or the swap is not confirmed.
    """
    system.start_redis()
    system.start_consumers()
    models = prepare_models(system.settings, notify, on_registry=system.start_trainers)
    if late := system.wait_until_ready(READY_TIMEOUT_S):
        names = ", ".join(f"{process.label} (see {process.log})" for process in late)
        raise NotConfirmedError(f"not ready within {READY_TIMEOUT_S:g} s: {names}")
    domain = system.settings.load_domain()
    listings = demo_listings(models.table, domain, run=uuid.uuid4().hex[:6])
    streams = system.settings.streams
    with open_redis(system.settings) as client, DemoProgressBars(client, streams, len(listings)) as bars:

        def watch() -> None:
            system.watch()
            bars.show_answered()

        flow = DemoFlow(system.settings, client, notify, bars.show_published, watch)
        first = _activate_first(client, streams, models, flow)
        second = models.other_than(first)
        notify(f"publishing {len(listings)} listings; version {first} ({models.algorithm_of(first)}) scores them")
        activation = flow.run(listings, second.version)
        wait_for_answers(client, streams, ANSWER_TIMEOUT_S, watch)
        answers = read_answers(client, streams, flow.entry_ids)
        bars.show_answered()
    test_rows = shared_test_rows(system.settings, (first, second.version))
    _show(DemoReport(domain, models, listings, flow.entry_ids, answers, test_rows), activation)
    return answers.verdict.is_kept


def _activate_first(client: redis.Redis, streams: Streams, models: DemoModels, flow: DemoFlow) -> str:
    """Activate the version that scored before, or the champion if that one was not trained on the demo's table.

    It is activated even if it is active already: processes that have just started still import what models need, and
    the swap that the demo shows should not wait for that.
    """
    stored: Any = client.hgetall(streams.model)
    desired = DesiredModel.from_hash(stored)
    known = {info.version for info in models.versions}
    version = desired.version if desired is not None and desired.version in known else models.versions[0].version
    return flow.activate(version).version


def _show(report: DemoReport, activation: Activation) -> None:
    stdout.print()
    stdout.print(report.prices())
    stdout.print()
    for line in report.lines(activation):
        print_line(line)
