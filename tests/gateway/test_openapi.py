"""The OpenAPI document says what the gateway answers: schemathesis sends what it permits, and what it does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.commands import ModelEvent
from schemas.streams import Streams
from tests.consumer.harness import Client
from tests.gateway.system import HttpClient

pytestmark = [pytest.mark.long, pytest.mark.rounds]
EXAMPLES = 3
SEED = 1
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"


@contextmanager
def refusing_commands(client: Client, streams: Streams) -> Iterator[None]:
    """Answer every command as a training worker that knows no version."""
    stop = threading.Event()

    def answer() -> None:
        seen = "0"
        while not stop.is_set():
            for _, entries in client.xread({streams.commands: seen}, block=50) or ():
                for entry_id, fields in entries:
                    seen = entry_id
                    command_id = json.loads(fields[b"data"])["id"]
                    event = ModelEvent.of("w", "model.rejected", command_id=command_id, reason="not_found", message="x")
                    entry = client.xadd(streams.model_events, {"data": event.model_dump_json()}).decode()
                    client.hset(streams.command_replies, command_id, json.dumps({"event": entry}))

    thread = threading.Thread(target=answer)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_every_route_keeps_to_the_document(
    gateway: HttpClient, tmp_path: Path, shared_redis: Client, shared_streams: Streams
) -> None:
    options = (
        "--phases=coverage,fuzzing",
        f"--max-examples={EXAMPLES}",
        f"--seed={SEED}",
        "--generation-deterministic",
        # the routes under the names of domains are the same
        "--exclude-path-regex=^/(housing|obesity)/",
        # a listing that keeps to the document may lack features that its model cannot impute together
        "--exclude-checks=positive_data_acceptance",
        "--request-timeout=10",
        "--no-color",
    )
    # what is not awaited is validated by the consumer, after it was accepted
    (tmp_path / "schemathesis.toml").write_text('[parameters]\n"query.wait" = "1"\n', encoding="utf-8")
    command = [str(SCHEMATHESIS), "run", f"{gateway.url}/openapi.json", *options]
    environment = os.environ | {"COLUMNS": "200"}
    with refusing_commands(shared_redis, shared_streams):
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    failures = done.stdout.partition(" FAILURES ")[2].partition(" WARNINGS ")[0]
    assert done.returncode == 0, f"{failures[:20_000]}\n{done.stdout[-500:]}{done.stderr[-2000:]}"
