"""Clients in other languages: the one for node runs here, from the lock of its folder."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from schemas.shards import entry_name, shard_of
from schemas.streams import Streams
from tests.consumer.harness import PRICE_OF_ROW, Client, event, running, settings_for
from tests.waiting import wait_until_async

EXAMPLE = Path(__file__).parents[2] / "examples/node"


@pytest.fixture(scope="module")
def node_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its packages installed, in its own folder."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("needs node and npm: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "client.mjs"):
        shutil.copy(EXAMPLE / name, folder)
    installed = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )
    if installed.returncode:
        pytest.skip(f"needs a package registry that npm reaches: {installed.stderr.strip().splitlines()[-1:]}")
    return folder / "client.mjs"


@pytest.mark.parametrize("shards", [1, 3])
async def test_the_client_for_node_publishes_and_reads_its_answers(
    node_client: Path, redis_url: str, prefix: str, streams: Streams, redis_client: Client, tmp_path: Path, shards: int
) -> None:
    listings = [event(f"l-{number}") for number in range(50)]
    listings[7] = event("l-7", {"RM": 99})
    listings[9] = listings[8]
    file = tmp_path / "listings.jsonl"
    file.write_bytes(b"\n".join(listings) + b"\n")
    environment = os.environ | {"REDIS_URL": redis_url}
    async with running(redis_url, settings_for(prefix, shards=shards)) as consumer:
        await wait_until_async(lambda: len(consumer.flows) == shards)
        process = await asyncio.create_subprocess_exec(
            "node",
            str(node_client),
            str(file),
            prefix,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    answers = [json.loads(line) for line in output.splitlines()]
    kinds = [answer["type"] for answer in answers]
    assert (kinds[7], kinds[9]) == ("listing.refused", "listing.repeated")
    assert set(kinds) - {"listing.refused", "listing.repeated"} == {"listing.scored"}
    assert [answer["listing_id"] for answer in answers[:7]] == [f"l-{number}" for number in range(7)]
    assert {answer["prediction"] for answer in answers if "prediction" in answer} == {PRICE_OF_ROW}
    of_shard = {number: redis_client.xrange(streams.of_shard(number).listings) for number in range(shards)}
    assert sum(map(len, of_shard.values())) == 50
    for number, entries in of_shard.items():
        assert all(shard_of(fields[b"data"], shards) == number for _, fields in entries)
    assert {answer["entry"] for answer in answers} == {
        entry_name(number, entry_id.decode()) for number, entries in of_shard.items() for entry_id, _ in entries
    }


def test_the_lock_file_names_no_registry_url() -> None:
    lock = json.loads((EXAMPLE / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    assert all(package["integrity"] and "resolved" not in package for package in packages)
