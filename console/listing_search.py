"""Finds what is known of one listing: its event, its answer, its explanation and its true outcome.

The streams are searched, and the audit log for what they do not hold.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import redis

from explainer.finding import PredictedRow, find_explanation, row_of_log, row_of_prediction
from monitoring.archive.location import archive_of
from monitoring.archive.reading import find_outcome, search_rows
from schemas.domain import Domain
from schemas.explanations import ExplainedListing
from schemas.settings import Settings
from schemas.shards import entry_name, split_entry
from schemas.streams import DATA_FIELD
from transport.entries import EntryId
from transport.reading import RawEntry, entry_at, scan, scan_back
from transport.shards import read_layout

SEARCH_S = 3.0
"""A search of one stream, in all shards, gives up after this time, which is enough for some millions of entries."""
_ENTRY = re.compile(r"(\d+-\d+)(?:@(\d+))?")
_MOST = 20
_LATER_ENTRIES = 100_000
"""How many answers after a listing are looked at for its own."""


@dataclass(frozen=True, slots=True)
class AnswerHit:
    """An answer that a search found.

    Attributes:
        entry: name of the listing's entry (`schemas.shards.entry_name`).
        at_ms: when it was answered.
        event: the answer.
        archived: its row in the audit log, where it was found there; its event has no more than the row.
    """

    entry: str
    at_ms: int
    event: dict[str, Any]
    archived: dict[str, Any] | None = None


@dataclass(slots=True)
class SearchResult:
    """What a search found.

    Attributes:
        hits: newest first, at most 20.
        is_complete: whether all kept answers, and the log if they are none of it, were looked at.
    """

    hits: list[AnswerHit] = field(default_factory=list)
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class ListingDossier:
    """All that is known of an answered listing; what is trimmed or never came is None.

    `row` is what was scored, `outcome` the true value.
    """

    hit: AnswerHit
    row: PredictedRow | None
    listing: dict[str, Any] | None
    explanation: ExplainedListing | None
    outcome: float | str | None


def search(client: redis.Redis, settings: Settings, domain: Domain, text: str) -> SearchResult:
    """Answers to a listing, by its entry, its id or its subject; an entry id without a shard is looked for in all.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    result = SearchResult()
    shards = read_layout(client, settings.streams).streams(settings.streams)
    is_entry, limit_s, number = _ENTRY.fullmatch(text), SEARCH_S / len(shards), None
    if is_entry:
        text, number = is_entry.groups()
        shards = tuple(shard for shard in shards if number in {None, str(shard.shard)})
    for shard in shards:
        for key in shard.written_answers:
            found: Iterable[RawEntry] = (
                _few(scan(client, key, text), _LATER_ENTRIES) if is_entry else scan_back(client, key)
            )
            result.hits += _hits(shard.shard, found, text, result, limit_s)
    if not result.hits:
        deadline_s, only = time.monotonic() + SEARCH_S, None if number is None else int(number)
        rows, is_complete = search_rows(archive_of(settings), text, _MOST, deadline_s, only)
        result.hits += [_archived(domain, row) for row in rows]
        result.is_complete &= is_complete
    result.hits.sort(key=lambda hit: hit.at_ms, reverse=True)
    del result.hits[_MOST:]
    return result


def read_dossier(client: redis.Redis, settings: Settings, domain: Domain, hit: AnswerHit) -> ListingDossier:
    """Everything about the listing of an answer.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    data, streams = hit.event["data"], settings.streams
    listing_id, source = data.get("listing_id"), data.get("listing_source")
    shard, entry_id = split_entry(hit.entry)
    entry = entry_at(client, streams.of_shard(shard).listings, entry_id)
    row = explanation = outcome = None
    if listing_id is not None and hit.event["type"] == "listing.scored":
        explanation = find_explanation(client, streams, listing_id, source)
        outcome = _outcome(client, settings, listing_id, source or "")
        if hit.archived is None:
            row = row_of_prediction(client, settings, domain, hit.event)
        elif hit.archived["has_features"]:
            row = row_of_log(domain, hit.archived)
    return ListingDossier(hit, row, _parsed(entry[1]) if entry else None, explanation, outcome)


def _hits(
    shard: int, entries: Iterable[RawEntry], text: str, result: SearchResult, limit_s: float
) -> Iterator[AnswerHit]:
    needle, deadline_s, found = json.dumps(text).encode(), time.monotonic() + limit_s, 0
    for number, (entry_id, fields) in enumerate(entries):
        # decoding every event takes ten times as long as the search for the text
        if needle in fields.get(DATA_FIELD, b"") and (event := _parsed(fields)) is not None:
            data = event.get("data")
            if isinstance(data, dict) and text in {event.get("id"), event.get("subject"), data.get("listing_id")}:
                yield AnswerHit(entry_name(shard, str(event.get("id"))), EntryId.parse(entry_id).ms, event)
                found += 1
        if found >= _MOST:
            return
        if number % 1000 == 0 and time.monotonic() > deadline_s:
            result.is_complete = False
            return


def _archived(domain: Domain, row: dict[str, Any]) -> AnswerHit:
    """A row of the log as the answer that it was made from, as far as the log has it."""
    data = row_of_log(domain, row).data
    arm = {"rollout": row.get("model_rollout"), "arm": row.get("model_arm"), "fallback": row.get("model_fallback")}
    data["model"] |= {name: value for name, value in arm.items() if value}
    if stored := row.get("stored"):
        data["stored"] = {name: row[name] for name in stored}
    event = {"id": row["entry_id"], "type": "listing.scored", "subject": row["subject"], "data": data}
    entry = entry_name(row.get("shard") or 0, row["entry_id"])
    return AnswerHit(entry, EntryId.parse(row["prediction_id"]).ms, event, row)


def _outcome(client: redis.Redis, settings: Settings, listing_id: str, source: str) -> float | str | None:
    """The newest true value of a listing."""
    needle, deadline_s = json.dumps(listing_id).encode(), time.monotonic() + SEARCH_S
    for _, fields in scan_back(client, settings.streams.outcomes):
        if needle in fields.get(DATA_FIELD, b"") and (event := _parsed(fields)) is not None:
            data = event.get("data")
            if isinstance(data, dict) and (data.get("listing_id"), data.get("listing_source", "")) == (
                listing_id,
                source,
            ):
                truth: float | str | None = data.get("outcome")
                return truth
        if time.monotonic() > deadline_s:
            return None
    row = find_outcome(archive_of(settings), listing_id, source, deadline_s)
    return None if row is None else row["outcome"]


def _few(entries: Iterator[RawEntry], count: int) -> Iterator[RawEntry]:
    return (entry for _, entry in zip(range(count), entries, strict=False))


def _parsed(fields: dict[bytes, bytes]) -> dict[str, Any] | None:
    try:
        event = json.loads(fields.get(DATA_FIELD, b""))
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
