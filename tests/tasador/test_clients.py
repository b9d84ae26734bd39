"""Clients in other languages: the one for node runs here, from the lock of its folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.streams import Streams
from tests.consumer.harness import Client, running, settings_for
from tests.node_example import EXAMPLE, check_answers, node_client
from tests.waiting import wait_until_async

__all__ = ["node_client"]


@pytest.mark.parametrize("shards", [1, 3])
async def test_the_client_for_node_publishes_and_reads_its_answers(
    node_client: Path, redis_url: str, prefix: str, streams: Streams, redis_client: Client, tmp_path: Path, shards: int
) -> None:
    async with running(redis_url, settings_for(prefix, shards=shards)) as consumer:
        await wait_until_async(lambda: len(consumer.flows) == shards)
        await check_answers(node_client, redis_url, redis_client, streams, shards, tmp_path)


def test_the_lock_file_names_no_registry_url() -> None:
    lock = json.loads((EXAMPLE / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    assert all(package["integrity"] and "resolved" not in package for package in packages)
