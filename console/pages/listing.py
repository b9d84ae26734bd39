"""The view of one listing: searched by its id, subject or entry."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from markupsafe import Markup
from nicegui import background_tasks, ui
from redis.exceptions import RedisError

from console.listing_search import AnswerHit, ListingDossier, SearchResult, read_dossier, search
from console.pages.texts import LiveHtml, facts, figure, figure_or_text, html, moment, range_of, step_name
from console.pages.visit import Visit
from console.pages.what_if import WhatIfForm
from console.pictures.waterfall import draw_waterfall
from transport.entries import EntryId

_KINDS = {
    "listing.scored": "predicted",
    "listing.refused": "refused",
    "listing.repeated": "dropped as a repeat",
}


def show_listing(visit: Visit) -> None:
    """Draw the search, and what was found of the text in the page's address."""
    text = visit.request.query_params.get("q", "").strip()
    html(
        Markup(
            '<form method="get" action="{}" role="search" class="row-of"><label for="q">Listing id, subject or entry'
            '</label><input id="q" name="q" value="{}" required><button class="act primary" type="submit">Search'
            "</button></form>"
        ).format(visit.address(visit.view), text)
    )
    found, below = LiveHtml(), ui.element("div").classes("what-if")

    async def load() -> None:
        shown = visit.shown
        known = shown.operations_client, shown.settings, shown.domain
        try:
            result = await asyncio.to_thread(search, *known, text)
            dossier: ListingDossier | None = None
            if result.hits:
                # a repeat says little about a listing: its first answer is shown
                answers = [hit for hit in result.hits if hit.event["type"] != "listing.repeated"]
                dossier = await asyncio.to_thread(read_dossier, *known, (answers or result.hits)[0])
        except (RedisError, OSError) as error:
            found.show(Markup('<p class="problem">The listing cannot be read now: {}</p>').format(error))
            return
        found.show(_nothing(text, result) if dossier is None else _dossier(visit, dossier, result))
        if dossier is not None and dossier.row is not None:
            with below, ui.element("div").classes("card"):
                WhatIfForm(visit, dossier.row)

    if text:
        found.show(Markup('<p class="empty">Searching …</p>'))
        background_tasks.create(load(), name="listing")


def _nothing(text: str, result: SearchResult) -> Markup:
    why = (
        "It is unknown, still waits, or its answer is neither on the streams nor in the audit log."
        if result.is_complete
        else "The search was given up before all answers were looked at: search by entry id."
    )
    return Markup('<p class="card" role="status">No answer to {} was found. {}</p>').format(text, why)


def _dossier(visit: Visit, dossier: ListingDossier, result: SearchResult) -> Markup:
    hit = dossier.hit
    parts, raw = [_facts(dossier)], []
    if dossier.explanation is not None:
        data = dossier.explanation.data
        steps = [(step_name(each.feature, each.value), each.contribution) for each in data.contributions]
        parts.append(draw_waterfall(f"Why {figure_or_text(data.prediction)}", data.base, steps, data.unit))
    elif hit.event["type"] == "listing.scored":
        listing_id = hit.event["data"]["listing_id"]
        parts.append(
            Markup(
                '<p class="empty">No explanation is on the stream: <code>tasador explain {}</code> computes one.</p>'
            ).format(listing_id)
        )
    if dossier.listing is not None:
        raw.append(_pretty("Payload", dossier.listing))
    elif dossier.row is None:
        parts.append(Markup('<p class="empty">The listing itself was trimmed.</p>'))
    else:
        raw.append(_pretty("Features", dossier.row.features))
    if hit.archived is None:
        raw.append(_pretty("Answer", hit.event))
    return _others(visit, result) + _cards(parts) + _cards(raw)


def _cards(parts: list[Markup]) -> Markup:
    cards = Markup("").join(Markup('<div class="card">{}</div>').format(part) for part in parts)
    return Markup('<div class="two">{}</div>').format(cards)


def _others(visit: Visit, result: SearchResult) -> Markup:
    """Links to further answers of the same search."""
    if len(result.hits) < 2:  # noqa: PLR2004
        return Markup("")
    links = Markup("").join(
        Markup('<li><a href="{}?q={}">{}</a> {} {}</li>').format(
            visit.address(visit.view), hit.entry, hit.entry, moment(hit.at_ms), _kind(hit)
        )
        for hit in result.hits
    )
    return Markup('<div class="card"><p>{} answers were found:</p><ul>{}</ul></div>').format(len(result.hits), links)


def _facts(dossier: ListingDossier) -> Markup:
    hit, data = dossier.hit, dossier.hit.event["data"]
    published_ms = EntryId.of_name(hit.entry).ms
    model: dict[str, Any] = data.get("model") or {}
    rows: list[tuple[str, object]] = [
        ("outcome", Markup('<strong data-kind="{}">{}</strong>').format(hit.event["type"], _kind(hit))),
        ("listing", data.get("listing_id")),
        ("source", data.get("listing_source")),
        ("subject", hit.event.get("subject")),
        ("entry", hit.entry),
        ("found in", "the audit log, which keeps less than the streams did" if hit.archived else ""),
        ("published (UTC)", moment(published_ms)),
        ("answered after", f"{max(hit.at_ms - published_ms, 0):,} ms"),
    ]
    if hit.event["type"] == "listing.scored":
        rows += [
            ("prediction", Markup("<strong data-prediction>{}</strong>").format(figure_or_text(data["prediction"]))),
            ("interval", range_of(data)),
            ("confidence", data.get("confidence")),
            ("model", f"version {model.get('version')}, activation {model.get('activation')}"),
            ("arm", arm_text(model)),
            ("rollout", model.get("rollout")),
            ("imputed", ", ".join(data.get("imputed", ()))),
            ("unusual", ", ".join(data.get("unusual", ()))),
            ("stored", _stored(data.get("stored"))),
            ("true outcome", _outcome(dossier)),
        ]
    elif hit.event["type"] == "listing.refused":
        errors = [f"{each['field']}: {each['message']}" for each in data.get("errors", ())]
        rows += [("reason", data.get("reason")), ("errors", "; ".join(errors))]
    else:
        rows.append(("entry of the first prediction", data.get("first")))
    return facts(rows, "The listing and its answer")


def arm_text(model: dict[str, Any]) -> str:
    """The arm of a prediction, and whether the champion answered in the challenger's place; empty without one."""
    arm = model.get("arm") or ""
    return f"{arm}, but the champion answered in its place (fallback)" if model.get("fallback") else arm


def _outcome(dossier: ListingDossier) -> str:
    if dossier.outcome is None:
        return ""
    truth = dossier.outcome
    predicted: object = dossier.hit.event["data"]["prediction"]
    if isinstance(truth, int | float) and isinstance(predicted, int | float):
        return f"{figure(truth)}; the prediction is {predicted - truth:+.4g} off"
    return str(truth)


def _kind(hit: AnswerHit) -> str:
    kind = str(hit.event["type"])
    return _KINDS.get(kind, kind)


def _stored(values: dict[str, Any] | None) -> str:
    return ", ".join(f"{name} {figure_or_text(each)}" for name, each in (values or {}).items())


def _pretty(title: str, event: dict[str, Any]) -> Markup:
    return Markup("<details><summary>{}</summary><pre>{}</pre></details>").format(
        title, json.dumps(event, indent=2, ensure_ascii=False)
    )
