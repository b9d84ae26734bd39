"""The demo's flow: listings published at an even pace, and the swap in the middle of it."""

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
"""The pace: slow enough to see the swap happen in the middle."""
CHUNK = 5
SWAP_TIMEOUT_S = 90.0
KEPT_SHARE = 0.25
"""Share of the listings that are published after the swap, so that the new model has something to score."""


class DemoFlow:
    """Publishes the demo's listings, and swaps the model while they flow.

    Args:
        settings: with the Redis.
        client: for the same Redis.
        tell: is told when the swap begins and when it is confirmed.
        on_published: is told how many were published.
        watch: called again and again meanwhile.

    Attributes:
        entry_ids: of what was published, in the order of the listings.
    """

    def __init__(
        self,
        settings: Settings,
        client: redis.Redis,
        tell: Callable[[str], None],
        on_published: Callable[[int], None],
        watch: Callable[[], None],
    ) -> None:
        self.entry_ids: list[str] = []
        self._settings = settings
        self._control = CommandSender(client, settings.streams)
        self._tell = tell
        self._on_published = on_published
        self._watch = watch

    def run(self, listings: Sequence[DemoListing], version: str) -> Activation:
        """Publish all listings; when half of them are published, have a version activated.

        Raises:
            ModelError: the version cannot be used.
            NotConfirmedError: nobody activated it in time, or a consumer did not confirm the swap.
        """
        half, kept = len(listings) // 2, int(len(listings) * (1 - KEPT_SHARE))
        with ListingPublisher(self._settings) as publisher:
            self._publish(publisher, listings[:half])
            self._tell(f"half-way: model.reload to version {version}, while listings flow")
            swap = self._begin_swap(version)
            self._publish(publisher, listings[half:kept])
            while not swap.done():
                self._pause()
            activation = swap.result()
            self._tell(f"{len(activation.confirmed or {})} consumers confirm version {version}")
            self._publish(publisher, listings[kept:])
        return activation

    def activate(self, version: str) -> Activation:
        """Have a version activated and every consumer confirm it.

        Raises:
            ModelError: the version cannot be used.
            NotConfirmedError: as `run`.
        """
        command = Reload(actor=current_actor(), data=ReloadData(version=version))
        return self._control.activate(command, SWAP_TIMEOUT_S, wait=True)

    def _begin_swap(self, version: str) -> Future[Activation]:
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="swap")
        swap = executor.submit(self.activate, version)
        # whoever interrupts the flow does not wait for it: it fails when Redis has stopped
        executor.shutdown(wait=False)
        return swap

    def _publish(self, publisher: ListingPublisher, listings: Sequence[DemoListing]) -> None:
        for begin in range(0, len(listings), CHUNK):
            self.entry_ids += publisher.publish_many(one.payload for one in listings[begin : begin + CHUNK])
            self._on_published(len(self.entry_ids))
            self._pause()

    def _pause(self) -> None:
        self._watch()
        time.sleep(CHUNK / PER_SECOND)
