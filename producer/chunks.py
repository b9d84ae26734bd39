"""Chunks: how many listings travel together, encoded and, if asked, validated before any of them leaves."""

from __future__ import annotations

from producer.encoding import Publishable, encode_listing
from schemas.decoding import ListingDecoder
from schemas.errors import RefusedListingError

CHUNK_LISTINGS = 1000
CHUNK_BYTES = 4 * 1024 * 1024


class Chunker:
    """Gathers the listings of one call into chunks, so that a huge iterable takes the memory of one chunk.

    Args:
        decoder: validates each listing; None lets the consumer do it.
        listings: how many make a chunk.
    """

    def __init__(self, decoder: ListingDecoder | None = None, listings: int = CHUNK_LISTINGS) -> None:
        self._listings = listings
        self._decoder = decoder
        self._taken = 0
        self._payloads: list[bytes] = []
        self._bytes = 0

    def add(self, listing: Publishable) -> list[bytes]:
        """Take one listing.

        Returns:
            A whole chunk of encoded events once there is one, else an empty list.

        Raises:
            RefusedListingError: the listing is not valid; the message says which one of the call it is.
        """
        self._taken += 1
        try:
            payload = encode_listing(listing)
            if self._decoder is not None:
                self._decoder.decode(payload)
        except RefusedListingError as error:
            name = f" ({error.listing_id!r})" if error.listing_id else ""
            error.args = (f"listing {self._taken}{name}: {error}",)
            raise
        self._payloads.append(payload)
        self._bytes += len(payload)
        full = len(self._payloads) >= self._listings or self._bytes >= CHUNK_BYTES
        return self.rest() if full else []

    def rest(self) -> list[bytes]:
        """What has been taken and not been given out in a chunk."""
        chunk, self._payloads, self._bytes = self._payloads, [], 0
        return chunk
