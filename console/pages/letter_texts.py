"""What the view of the dead letters shows, as tables."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from console.letter_box import COUNTED, LetterOverview
from console.pages.texts import moment, table
from operations.dead_letters import KeptLetter
from transport.entries import EntryId

_MAX_VALUE = 200


def counts_table(read: LetterOverview) -> Markup:
    """How many letters there are of each reason and source."""
    if not read.reasons:
        return Markup('<p class="empty">No dead letters are kept.</p>')
    reasons = table(["reason", "letters"], [list(each) for each in read.reasons], "Dead letters by reason")
    sources = table(
        ["source", "letters"],
        [[name or "(none)", count] for name, count in read.sources[:20]],
        "Dead letters by source",
    )
    note = Markup('<p class="muted">Counted are the newest {:,} letters.</p>').format(COUNTED)
    return Markup('<div class="two"><div>{}</div><div>{}</div></div>{}').format(reasons, sources, note)


def letter_line(letter: KeptLetter) -> Markup:
    """A letter in a line."""
    data = letter.event.data
    first = data.errors[0] if data.errors else None
    error = f"{first.field}: {first.message}" if first and first.field else first.message if first else ""
    return Markup('<strong>{}</strong> {} <span class="muted">{} {}, {}</span>').format(
        data.reason.value,
        error,
        moment(EntryId.of_name(letter.entry_id).ms),
        data.listing_source or "(no source)",
        data.listing_id or "(no id)",
    )


def fields_table(letter: KeptLetter) -> Markup:
    """The fields of the payload, of which those with errors are marked; then errors about no field."""
    data = letter.event.data
    problems: dict[str, list[str]] = {}
    for each in data.errors:
        problems.setdefault(each.field, []).append(each.message)
    values = _fields_of(data.payload if data.payload_encoding == "text" else None)
    rows = Markup("").join(
        Markup('<tr class="{}"><td>{}</td><td>{}</td><td>{}</td></tr>').format(
            "faulty" if name in problems else "",
            name or "(the event)",
            values.get(name, ""),
            "; ".join(problems.get(name, ())),
        )
        for name in dict.fromkeys((*problems, *values))
    )
    return Markup(
        "<p><strong>{}</strong> of listing {} from {}; deliveries: {}, the last one to {}</p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Fields"><table><thead><tr>'
        '<th scope="col">field</th><th scope="col">value</th><th scope="col">error</th></tr>'
        "</thead><tbody>{}</tbody></table></div>"
    ).format(
        data.reason.value,
        data.listing_id or "(no id)",
        data.listing_source or "(no source)",
        data.delivery_count,
        data.consumer,
        rows,
    )


def _fields_of(payload: str | None) -> dict[str, str]:
    """Attributes of the event, and the features in its data, as texts."""
    try:
        event: Any = json.loads(payload or "")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(event, dict):
        return {}
    features = event.get("data")
    fields = {name: value for name, value in event.items() if name != "data"}
    fields |= features if isinstance(features, dict) else {}
    return {str(name): json.dumps(value, ensure_ascii=False)[:_MAX_VALUE] for name, value in fields.items()}
