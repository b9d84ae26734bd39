"""Events as one line each, for a person who watches a stream."""

from __future__ import annotations

from schemas.commands import ModelEvent
from schemas.events import DeadLetter, Prediction, Repeat
from tasador.cli.formatting import plain


def prediction_line(payload: bytes) -> str:
    """Listing, prediction, model version, and what was imputed or unusual.

    Raises:
        ValueError: it is no such event; so for all below.
    """
    data = Prediction.model_validate_json(payload).data
    value = f"{data.prediction:.4g}" if isinstance(data.prediction, float) else plain(data.prediction)
    notes = "".join(
        f"  {word} {', '.join(names)}"
        for word, names in (("imputed", data.imputed), ("unusual", data.unusual))
        if names
    )
    return f"{plain(data.listing_id):<20}  {value:>8}  v{plain(data.model.version)}{notes}"


def dead_letter_line(payload: bytes) -> str:
    """Listing, reason, first error."""
    event = DeadLetter.model_validate_json(payload)
    return f"{plain(event.data.listing_id or '-'):<20}  {event.data.reason:<15}  {first_error(event)}"


def first_error(event: DeadLetter) -> str:
    """The first thing wrong with a refused listing."""
    if not event.data.errors:
        return ""
    error = event.data.errors[0]
    return plain(f"{error.field}: {error.message}" if error.field else error.message)


def model_event_line(payload: bytes) -> str:
    """Type, who says so, version, and why."""
    event = ModelEvent.model_validate_json(payload)
    data = event.data
    told = (
        f"v{data.version}" if data.version else "",
        f"in {data.load_ms:.0f} ms" if data.load_ms is not None else "",
        data.reason or "",
        data.message or "",
    )
    return f"{event.type:<17}  {plain(event.source)}" + "".join(f"  {plain(each, 200)}" for each in told if each)


def repeat_line(payload: bytes) -> str:
    """Listing and its source."""
    data = Repeat.model_validate_json(payload).data
    return f"{plain(data.listing_id):<20}  {plain(data.listing_source)}"
