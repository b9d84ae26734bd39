"""Asks what the model would answer to a changed listing: an explainer through Redis, or a model loaded here."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
import redis.asyncio

from explainer.finding import PredictedRow
from schemas.command_line import spell_command
from schemas.domain import Domain
from schemas.errors import ExplanationError, ModelError, NothingReportedError
from schemas.settings import Settings
from schemas.states import DesiredModel
from schemas.what_if import WHAT_IF_EXPIRES_MS, WhatIfAnswer, WhatIfQuestion

TIMEOUT_S = 15.0
"""How long an explainer is waited for, which may have to load the model first."""
_MOST_WAITING = 100
_BLOCK_S = 1.0


def changed_listing(domain: Domain, row: PredictedRow, changes: Mapping[str, str]) -> bytes:
    """The event's JSON of a listing with some features changed; it has no subject, so no stored value replaces one.

    Args:
        domain: of the listing.
        row: as it was scored, with what was taken from the store.
        changes: by feature: a number, a category, or empty for a missing value. What is no such thing stays as it is,
            for the decoder to refuse.
    """
    categories = {feature.column for feature in domain.features if feature.categories}
    read = {name: text if name in categories and text else _value_of(text) for name, text in changes.items()}
    present = {name: value for name, value in {**row.features, **read}.items() if value is not None}
    event = {"id": row.data["listing_id"], "source": row.data["listing_source"], "data": present}
    return msgspec.json.encode(event)


def answer_here(settings: Settings, domain: Domain, listing: bytes, model: DesiredModel) -> WhatIfAnswer:
    """Load the model into this process, and answer with it.

    Raises:
        ExplanationError: the model cannot be used.
        RegistryUnavailableError: it cannot be loaded now.
    """
    from explainer.on_demand import load_version
    from explainer.what_if_scorer import WhatIfScorer

    try:
        explainer = load_version(settings, domain, model.version, model)
    except ModelError as error:
        raise ExplanationError(f"version {model.version}: {error}") from error
    return WhatIfScorer(domain, settings).answer(listing, model, explainer)


async def ask_explainer(client: redis.asyncio.Redis, settings: Settings, listing: bytes) -> WhatIfAnswer:
    """Ask a running explainer what the model that is active now would answer.

    Args:
        client: replies must be bytes.
        settings: of the domain.
        listing: the event's JSON.

    Raises:
        NothingReportedError: no model is active.
        ExplanationError: no explainer answered in time.
        redis.exceptions.RedisError: as the server answered.
    """
    streams = settings.streams
    stored: Any = await client.hgetall(streams.model)
    model = model_to_ask(DesiredModel.from_hash(stored), settings)
    question = WhatIfQuestion(id=uuid.uuid4().hex, listing=listing.decode(), model=model)
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.rpush(streams.what_if, question.model_dump_json())
        pipeline.ltrim(streams.what_if, -_MOST_WAITING, -1)
        pipeline.pexpire(streams.what_if, WHAT_IF_EXPIRES_MS)
        await pipeline.execute()
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s:
        found: Any = await client.blpop([streams.what_if_answer(question.id)], _BLOCK_S)
        if found:
            return WhatIfAnswer.model_validate_json(found[1])
    raise ExplanationError(
        f"no explainer answered within {TIMEOUT_S:g} s: `{spell_command('explainer', settings.domain)}` runs one"
    )


def model_to_ask(desired: DesiredModel | None, settings: Settings) -> DesiredModel:
    """The model that would answer now.

    Raises:
        NothingReportedError: none is active.
    """
    if desired is None:
        raise NothingReportedError(f"no model is active: `{spell_command('train', settings.domain)}`")
    return desired


def _value_of(text: str) -> float | str | None:
    """A number, None of an empty text, and any other text as it is."""
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=float)
    except msgspec.MsgspecError:
        return text
