"""A listing passes through the modules that docs/architecture.md lists, and through no others."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from schemas.streams import Streams
from tests.consumer.harness import Client, activate, count, publish_numbered, running, settings_for
from tests.models import train_small_model
from tests.waiting import wait_until_async

ROOT = Path(__file__).parents[2]
LOOP = ("consumer/scoring_loop.py", "consumer/batch_answerer.py")  # a commit is a task of its own
# metrics and health, and the claim of pending entries, which may be due meanwhile
NOT_COUNTED = {"consumer/metrics.py", "consumer/histogram.py", "service/health.py", "transport/backoff.py"}
NOT_COUNTED |= {"service/tracing.py"}
NOT_COUNTED |= {"consumer/redis_guard.py", "consumer/left_overs.py"}
NOT_COUNTED |= {"consumer/group_rebuilder.py", "transport/consumer_group.py", "transport/scripts.py"}
NOT_COUNTED |= {"consumer/duty.py"}  # whether a shard is this consumer's
NOT_COUNTED |= {"consumer/ranges.py", "registry/calibration.py"}  # intervals
NOT_COUNTED |= {"registry/serving/tree_tables.py"}  # shallow trees in full batches
NOT_COUNTED |= {"transport/entries.py"}  # the age of an entry, for metrics


def _documented() -> set[str]:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    way = page.partition("## From a listing to its prediction")[2].partition("\n## ")[0]
    return set(re.findall(r"^\d+\. \[`[^`]+`\]\(\.\./([\w/]+\.py)\)", way, flags=re.MULTILINE))


async def test_a_listing_takes_the_documented_way(
    redis_client: Client, redis_url: str, streams: Streams, tmp_path: Path
) -> None:
    activate(redis_client, streams, train_small_model(tmp_path, trees=2))
    called: set[str] = set()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        caller: FrameType | None = frame
        while caller and not caller.f_code.co_filename.endswith(LOOP):
            caller = caller.f_back
        path = Path(frame.f_code.co_filename)
        if event == "call" and caller and path.is_relative_to(ROOT) and "site-packages" not in path.parts:
            called.add(path.relative_to(ROOT).as_posix())

    async with running(redis_url, settings_for(streams.prefix, home=tmp_path), is_following=True):
        publish_numbered(redis_client, streams, 5)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 5)
        sys.setprofile(profile)
        try:
            publish_numbered(redis_client, streams, 20, first=5)
            await wait_until_async(lambda: count(redis_client, streams, "answered") == 25)
        finally:
            sys.setprofile(None)
    assert called - NOT_COUNTED == _documented() - NOT_COUNTED
