"""Groups listings into chunks, which are encoded and optionally validated before they are sent.

Events get the trace context of the client's current span, if the client uses OpenTelemetry and records one.
"""

from __future__ import annotations

from producer.encoding import Publishable, encode_listing
from schemas.decoding import ListingDecoder
from schemas.errors import RefusedListingError
from service.trace_context import trace_attributes

CHUNK_LISTINGS = 1000
CHUNK_BYTES = 4 * 1024 * 1024


class Chunker:
    """Groups the listings of one call into chunks, so that a long iterable takes the memory of one chunk.

    Args:
        decoder: validates each listing; None leaves this to the consumer.
        chunk_size: listings of a chunk.
    """

    def __init__(self, decoder: ListingDecoder | None = None, chunk_size: int = CHUNK_LISTINGS) -> None:
        self._chunk_size = chunk_size
        self._decoder = decoder
        self._count = 0
        self._payloads: list[bytes] = []
        self._bytes = 0
        self._attributes = trace_attributes()

    def add(self, listing: Publishable) -> list[bytes]:
        """Add one listing.

        Returns:
            A chunk of encoded events if it is full, else an empty list.

        Raises:
            RefusedListingError: the listing is not valid; the message states its number in the call.
        """
        self._count += 1
        try:
            payload = encode_listing(listing, self._attributes)
            if self._decoder is not None:
                self._decoder.decode(payload)
        except RefusedListingError as error:
            name = f" ({error.listing_id!r})" if error.listing_id else ""
            error.args = (f"listing {self._count}{name}: {error}",)
            raise
        self._payloads.append(payload)
        self._bytes += len(payload)
        is_full = len(self._payloads) >= self._chunk_size or self._bytes >= CHUNK_BYTES
        return self.rest() if is_full else []

    def rest(self) -> list[bytes]:
        """The listings added since the last chunk."""
        chunk, self._payloads, self._bytes = self._payloads, [], 0
        return chunk
