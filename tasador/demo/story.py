"""The demo's story: start, train what is missing, publish, swap half-way, and look at what came of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import redis

from operations.command_sender import Activation
from schemas.errors import NotConfirmedError
from schemas.states import DesiredModel
from schemas.streams import Streams
from tasador.cli.terminal import out
from tasador.demo.answers import read_answers, wait_for_answers
from tasador.demo.bars import Bars
from tasador.demo.flow import DemoFlow
from tasador.demo.listings import demo_listings
from tasador.demo.models import DemoModels, prepare_models, shared_test_rows
from tasador.demo.report import DemoReport
from tasador.machine.running_system import open_redis
from tasador.machine.system import System

READY_TIMEOUT_S = 120.0
ANSWER_TIMEOUT_S = 30.0

Tell = Callable[[str], None]


def tell_story(system: System, tell: Tell) -> bool:
    """Run the demo on a system that has not been started; whether every listing got exactly one outcome.

    Raises:
        TasadorError: a part does not start, a model cannot be made, or the swap was not confirmed.
    """
    system.start_redis()
    system.start_consumers()
    models = prepare_models(system.settings, tell, on_registry=system.start_trainers)
    if late := system.wait_until_ready(READY_TIMEOUT_S):
        named = ", ".join(f"{part.label} (see {part.log})" for part in late)
        raise NotConfirmedError(f"not ready within {READY_TIMEOUT_S:g} s: {named}")
    domain = system.settings.load_domain()
    listings = demo_listings(models.table, domain, run=uuid.uuid4().hex[:6])
    streams = system.settings.streams
    with open_redis(system.settings) as client, Bars(client, streams, len(listings)) as bars:

        def watch() -> None:
            system.watch()
            bars.show_answered()

        flow = DemoFlow(system.settings, client, tell, bars.show_published, watch)
        first = _in_charge(client, streams, models, flow)
        second = models.other_than(first)
        tell(f"publishing {len(listings)} listings; version {first} ({models.algorithm_of(first)}) scores them")
        activation = flow.run(listings, second.version)
        wait_for_answers(client, streams, ANSWER_TIMEOUT_S, watch)
        answers = read_answers(client, streams, flow.entry_ids)
        bars.show_answered()
    test_rows = shared_test_rows(system.settings, (first, second.version))
    _show(DemoReport(domain, models, listings, flow.entry_ids, answers, test_rows), activation)
    return answers.verdict.is_kept


def _in_charge(client: redis.Redis, streams: Streams, models: DemoModels, flow: DemoFlow) -> str:
    """The version that scores now; the champion where what scored before was not trained on the demo's table.

    It is activated even if it scores already: a worker and consumers that have just started still load what models
    need, and the swap that the demo shows should not have to wait for that.
    """
    stored: Any = client.hgetall(streams.model)
    desired = DesiredModel.from_hash(stored)
    known = {found.version for found in models.versions}
    version = desired.version if desired is not None and desired.version in known else models.versions[0].version
    return flow.activate(version).version


def _show(report: DemoReport, activation: Activation) -> None:
    out.print()
    out.print(report.prices())
    out.print()
    for line in report.lines(activation):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
