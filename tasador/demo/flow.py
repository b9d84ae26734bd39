"""Publishes the demo's listings at a steady rate and swaps the model half-way."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import redis

from operations.command_sender import Activation, CommandSender, current_actor
from producer import ListingPublisher
from schemas.commands import Reload, ReloadData
from schemas.settings import Settings
from tasador.demo.listings import DemoListing

PER_SECOND = 100
"""Listings per second: slow enough to see the swap happen."""
CHUNK_LISTINGS = 5
SWAP_TIMEOUT_S = 90.0
KEPT_SHARE = 0.25
"""Share of the listings that are published after the swap, for the new model to score."""


class DemoFlow:
    """Publishes the demo's listings, and swaps the model while they flow.

    Args:
        settings: of the domain.
        client: of its Redis.
        notify: called with a message when the swap begins and when it is confirmed.
        on_published: called with the number of published listings.
        watch: called several times a second.

    Attributes:
        entry_ids: of the published listings, in order.
    """

    def __init__(
        self,
        settings: Settings,
        client: redis.Redis,
        notify: Callable[[str], None],
        on_published: Callable[[int], None],
        watch: Callable[[], None],
    ) -> None:
        self.entry_ids: list[str] = []
        self._settings = settings
        self._sender = CommandSender(client, settings.streams, settings.domain)
        self._notify = notify
        self._on_published = on_published
        self._watch = watch

    def run(self, listings: Sequence[DemoListing], version: str) -> Activation:
        """Publish all listings, and activate a version when half of them are published. Raises as `activate`."""
        half, kept = len(listings) // 2, int(len(listings) * (1 - KEPT_SHARE))
        with ListingPublisher(self._settings) as publisher:
            self._publish(publisher, listings[:half])
            self._notify(f"half-way: reloading to version {version} while listings flow")
            swap = self._begin_swap(version)
            self._publish(publisher, listings[half:kept])
            while not swap.done():
                self._pause()
            activation = swap.result()
            self._notify(f"{len(activation.confirmed or {})} consumers confirm version {version}")
            self._publish(publisher, listings[kept:])
        return activation

    def activate(self, version: str) -> Activation:
        """Activate a version and wait until every consumer confirms it.

        Raises:
            ModelError: the version cannot be used.
            NotConfirmedError: no worker activated it in time, or a consumer did not confirm the swap.
        """
        # the second version is for the swap and was not judged
        data = ReloadData(version=version, force=True, reason="the demo shows a swap")
        command = Reload(actor=current_actor(), data=data)
        return self._sender.activate(command, SWAP_TIMEOUT_S, wait=True)

    def _begin_swap(self, version: str) -> Future[Activation]:
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="swap")
        swap = executor.submit(self.activate, version)
        # an interrupted demo does not wait for the swap, which fails when Redis stops
        executor.shutdown(wait=False)
        return swap

    def _publish(self, publisher: ListingPublisher, listings: Sequence[DemoListing]) -> None:
        for begin in range(0, len(listings), CHUNK_LISTINGS):
            self.entry_ids += publisher.publish_many(one.payload for one in listings[begin : begin + CHUNK_LISTINGS])
            self._on_published(len(self.entry_ids))
            self._pause()

    def _pause(self) -> None:
        self._watch()
        time.sleep(CHUNK_LISTINGS / PER_SECOND)
