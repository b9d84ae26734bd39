"""Runs the main job, each step as the user of its role: publish, score, swap, replay, report outcomes, verify."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from typer.testing import CliRunner

from explainer.what_if import ask_explainer
from operations.command_sender import current_actor
from producer import ListingPublisher
from schemas.events import Repeat
from schemas.settings import load_settings
from schemas.streams import Streams
from schemas.what_if import WhatIfAnswer
from tasador.cli.app import app
from tasador.machine.processes import ManagedProcess
from tests.listings import listing, read_boston_rows
from tests.models import train_small_model
from tests.security.roles import Users
from tests.waiting import wait_until
from transport.connection import connect, connect_async

LISTINGS = 20
STATUS_CODES = (0, 1, 2)
"""Exit codes of `tasador status`: healthy, degraded, down."""
_READY_TIMEOUT_S = 90


def run_main_job(users: Users, streams: Streams, folder: Path) -> None:
    """Run every step, and check its result."""
    home = folder / "home"
    train_small_model(home)
    with _running(users, streams, home):
        run = _Commands(users, streams, home).run
        listings = _write_listings(folder / "listings.jsonl")
        features = folder / "features.json"
        features.write_text(json.dumps([{"ID": "home", **read_boston_rows()[0]}]), encoding="utf-8")
        assert run("operator", "features", "put", str(features), "--id-column", "ID")["subjects"] == 1
        assert run("operator", "features", "get", "home")["is_fresh"]
        assert run("client", "publish", str(listings), "--wait")["published"] == LISTINGS + 2
        assert run("operator", "features", "expire", "--older-than", "1d")["subjects"] == 0
        assert run("operator", "features", "expire", "home")["subjects"] == 1
        _ask(users.url("client"), streams)
        train_small_model(home, trees=11, promote=False)
        assert run("operator", "reload", "--version", "2", "--wait")["confirmed"]
        assert run("operator", "reload", "--version", "1", "--wait")["confirmed"]

        assert run("operator", "rollout", "start", "--version", "2", "--wait")["confirmed"]
        assert run("operator", "rollout", "adjust", "--mode", "split", "--wait")["confirmed"]

        (letter,) = run("operator", "dead-letters", "list")
        run("operator", "dead-letters", "replay", letter["entry_id"], "--set", "RM=6.5")
        status = partial(run, "operator", "status", codes=STATUS_CODES)
        wait_until(lambda: status()["totals"]["scored"] == LISTINGS + 2, message="all are scored")
        assert run("operator", "history")[0]["actor"] == current_actor()

        explained = publish_to_explain(users, streams)
        assert explained["type"] == "listing.explained"
        would_be = asyncio.run(_ask_what_if(users.url("console"), streams))
        assert would_be.prediction is not None

        assert run("monitor", "rollout", "status")["carried_out_by"]
        assert run("operator", "rollout", "stop", "--wait")["confirmed"]

        outcomes = folder / "outcomes.csv"
        outcomes.write_text("id,MEDV\nl-0,24.0\nl-1,21.6\n", encoding="utf-8")
        run("client", "publish", str(outcomes), "--outcomes", "--id-column", "id")
        verdict = run("operator", "verify", "--complete")
        assert verdict["is_fine"], verdict
        status = partial(run, "monitor", "status", codes=STATUS_CODES)
        wait_until(lambda: status()["state"] == "healthy", message="every process lives and has no problem")
        answers = folder / "answers.jsonl"
        run("reader", "tail", "predictions", "--lines", "5", "--no-follow", "--out", str(answers))


def _ask(url: str, streams: Streams) -> None:
    settings = load_settings(redis_url=SecretStr(url), prefix=streams.prefix)
    with ListingPublisher(settings) as publisher:
        answer = publisher.ask(listing(read_boston_rows()[0], "l-0"), timeout_s=20)
    assert isinstance(answer, Repeat)
    assert answer.prediction


async def _ask_what_if(url: str, streams: Streams) -> WhatIfAnswer:
    client = connect_async(url)
    try:
        return await ask_explainer(client, load_settings(prefix=streams.prefix), listing(read_boston_rows()[0], "l-0"))
    finally:
        await client.aclose()


def publish_to_explain(users: Users, streams: Streams) -> dict[str, Any]:
    """Publish a listing whose prediction is to be explained, and return the explanation."""
    event = {"id": "l-explained", "explain": True, "data": dict(read_boston_rows()[7])}
    with connect(users.url("client")) as client, connect(users.url("reader")) as reader:
        client.xadd(streams.listings, {"data": json.dumps(event)})
        entries: Any = wait_until(lambda: reader.xrange(streams.explanations), message="the listing is explained")
    answer: dict[str, Any] = json.loads(entries[0][1][b"data"])
    return answer


class _Commands:
    def __init__(self, users: Users, streams: Streams, home: Path) -> None:
        self._users, self._streams, self._home = users, streams, home

    def run(self, role: str, *arguments: str, codes: Collection[int] = (0,)) -> Any:
        """Run a command as a role; returns the document that it prints with --json."""
        environment = _environment(self._users, role, self._streams, self._home)
        result = CliRunner().invoke(app, [*arguments, "--json"], env=environment, catch_exceptions=False)
        assert result.exit_code in codes, f"{role}: {arguments}: {result.output}"
        lines = result.stdout.splitlines()
        return json.loads(lines[-1]) if lines else None


@contextmanager
def _running(users: Users, streams: Streams, home: Path) -> Iterator[None]:
    processes = [_process(users, role, streams, home) for role in ("consumer", "trainer", "monitor", "explainer")]
    try:
        for process in processes:
            process.start()
        for process in processes:
            wait_until(lambda process=process: process.is_ready, _READY_TIMEOUT_S, f"{process.label} is ready")  # type: ignore[misc]
        yield
    except AssertionError as error:
        logs = "\n".join(process.log.read_text(encoding="utf-8")[-2000:] for process in processes)
        raise AssertionError(f"{error}\ndenied: {users.denied()}\n{logs}") from error
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.kill()


def _process(users: Users, role: str, streams: Streams, home: Path) -> ManagedProcess:
    environment = os.environ | _environment(users, role, streams, home)
    return ManagedProcess("housing", role, f"{role}-1", logs=home / "logs", host="127.0.0.1", environment=environment)


def _environment(users: Users, role: str, streams: Streams, home: Path) -> dict[str, str]:
    url, prefix = users.url(role), streams.prefix
    return {"TASADOR_HOME": str(home), "TASADOR_REDIS_URL": url, "TASADOR_PREFIX": prefix, "COLUMNS": "200"}


def _write_listings(path: Path) -> Path:
    rows = read_boston_rows()[:LISTINGS]
    events = [listing(row, f"l-{number}") for number, row in enumerate(rows)]
    events.append(listing(rows[0] | {"RM": 1000.0}, "l-bad"))
    events.append(listing({}, "l-stored", subject="home"))
    path.write_bytes(b"\n".join(events) + b"\n")
    return path
