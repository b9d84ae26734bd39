"""The client for Node.js of `examples/node`, with the packages of its lock, and what it must do with fifty listings."""

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
from tests.consumer.harness import PRICE_OF_ROW, Client, event

EXAMPLE = Path(__file__).parents[1] / "examples/node"


@pytest.fixture(scope="module")
def node_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in a folder of its own, with its packages."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("needs node and npm: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "client.mjs"):
        shutil.copy(EXAMPLE / name, folder)
    installed = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=200, check=False
    )
    if installed.returncode:
        pytest.skip(f"needs a package registry that npm reaches: {installed.stderr.strip().splitlines()[-1:]}")
    return folder / "client.mjs"


async def check_answers(program: Path, url: str, client: Client, streams: Streams, shards: int, folder: Path) -> None:
    """Let the program publish, and check its answers and which shard each listing went to; a consumer must run."""
    listings = [event(f"l-{number}") for number in range(50)]
    listings[7] = event("l-7", {"RM": 99})
    listings[9] = listings[8]
    file = folder / "listings.jsonl"
    file.write_bytes(b"\n".join(listings) + b"\n")
    before = {
        number: {entry_id for entry_id, _ in client.xrange(streams.of_shard(number).listings)}
        for number in range(shards)
    }
    process = await asyncio.create_subprocess_exec(
        "node",
        str(program),
        str(file),
        streams.prefix,
        env=os.environ | {"REDIS_URL": url},
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
    of_shard = {
        number: [each for each in client.xrange(streams.of_shard(number).listings) if each[0] not in before[number]]
        for number in range(shards)
    }
    assert sum(map(len, of_shard.values())) == len(listings), errors.decode()
    for number, entries in of_shard.items():
        assert all(shard_of(fields[b"data"], shards) == number for _, fields in entries)
    assert {answer["entry"] for answer in answers} == {
        entry_name(number, entry_id.decode()) for number, entries in of_shard.items() for entry_id, _ in entries
    }
