"""Dead letters of one consumer: what an entry gets that is not scored, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer.answer_encoder import AnswerEncoder, encode, now_rfc3339
from consumer.batch import Refusal, ScoredBatch, all_refused
from consumer.replies import name_beside
from schemas.decoding import ListingDecoder, payload_of
from schemas.errors import FieldError, RefusedListingError
from schemas.refusals import Reason
from schemas.sections import RateLimitSettings
from transport.consumer_group import Entry


@dataclass(frozen=True)
class DeadLetterWriter:
    """Makes refusals of entries.

    Attributes:
        decoder: of the domain; finds the identity of a listing that came too fast.
        consumer: the name that dead letters carry.
    """

    decoder: ListingDecoder
    encoder: AnswerEncoder
    consumer: str

    def refuse_unscorable(self, entry: Entry, max_deliveries: int) -> ScoredBatch | None:
        """A batch of one dead letter, for a left-over entry that is not scored (again); None if it is to be scored."""
        if entry.flat is None:
            gone = "the entry was deleted while it was pending"
            return all_refused([self.refusal_for(entry, Reason.PAYLOAD_GONE, gone)])
        if entry.deliveries > max_deliveries:
            often = f"not scored in {entry.deliveries - 1} deliveries"
            return all_refused([self.refusal_for(entry, Reason.POISON, often)])
        return None

    def limit(self, entries: Sequence[Entry], limited: Sequence[bytes], limit: RateLimitSettings) -> ScoredBatch:
        """A batch of dead letters, for those entries that came faster than their source may send."""
        ids, time = set(limited), now_rfc3339()
        message = f"more than {limit.burst} at once and {limit.events_per_s:g} a second after that"
        return all_refused([self._limited(entry, message, time) for entry in entries if entry.id in ids])

    def refusal_for(self, entry: Entry, reason: Reason, message: str, reply_to: str = "") -> Refusal:
        """The refusal of an entry whose listing is not looked at; `reply_to` is the name in its event, if known."""
        try:
            payload = payload_of(entry.fields)
        except RefusedListingError:
            payload = None
        error = RefusedListingError(reason, (FieldError("", message),), reply_to=reply_to)
        return self.refusal_of(entry, error, payload, now_rfc3339())

    def refusal_of(self, entry: Entry, error: RefusedListingError, payload: bytes | None, time: str) -> Refusal:
        """The refusal of an entry for an error; `payload` is None where the entry holds no event."""
        if payload is None and entry.flat is not None:
            # a foreign entry: its fields are all there is to show
            text = {
                k.decode(errors="backslashreplace"): v.decode(errors="backslashreplace")
                for k, v in entry.fields.items()
            }
            payload = encode(text)
        event = self.encoder.dead_letter(entry.id.decode(), time, error, payload, entry.deliveries, self.consumer)
        beside = name_beside(entry)
        reply_to = error.reply_to if beside is None else beside
        return Refusal(entry.id, error.reason, (error.listing_source, error.listing_id or ""), event, reply_to)

    def _limited(self, entry: Entry, message: str, time: str) -> Refusal:
        payload: bytes | None = None
        beyond_rate = FieldError("source", message)
        try:
            payload = payload_of(entry.fields)
            listing = self.decoder.decode(payload)
            known = listing.id, listing.source or "", listing.replyto or ""
            limited = RefusedListingError(Reason.RATE_LIMITED, (beyond_rate,), *known)
        except RefusedListingError as error:
            errors = (beyond_rate, *error.errors)
            envelope = error.listing_id, error.listing_source, error.reply_to
            limited = RefusedListingError(Reason.RATE_LIMITED, errors, *envelope)
        return self.refusal_of(entry, limited, payload, time)
