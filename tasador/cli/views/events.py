"""Events as one line each."""

from __future__ import annotations

from schemas.commands import ModelEvent
from schemas.events import DeadLetter, Prediction, Repeat
from tasador.cli.formatting import printable


def prediction_line(payload: bytes) -> str:
    """Listing, prediction, model version, arm of a rollout, and imputed and unusual features.

    Raises:
        ValueError: the payload is not such an event; the same holds for all functions below.
    """
    data = Prediction.model_validate_json(payload).data
    value = f"{data.prediction:.4g}" if isinstance(data.prediction, float) else printable(data.prediction)
    notes = "".join(
        f"  {word} {', '.join(names)}"
        for word, names in (("imputed", data.imputed), ("unusual", data.unusual))
        if names
    )
    arm = f"  {data.model.arm}{' (fallback)' if data.model.fallback else ''}" if data.model.arm else ""
    return f"{printable(data.listing_id):<20}  {value:>8}  v{printable(data.model.version)}{arm}{notes}"


def dead_letter_line(payload: bytes) -> str:
    """Listing, reason and first error of a dead letter."""
    event = DeadLetter.model_validate_json(payload)
    return f"{printable(event.data.listing_id or '-'):<20}  {event.data.reason:<15}  {first_error(event)}"


def first_error(event: DeadLetter) -> str:
    """The first error of a refused listing; empty if there is none."""
    if not event.data.errors:
        return ""
    error = event.data.errors[0]
    return printable(f"{error.field}: {error.message}" if error.field else error.message)


def model_event_line(payload: bytes) -> str:
    """Type, source, version, load time, reason and message; of an activation also the other versions that count.

    Of a rollout its mode and share, and why it ended.
    """
    return describe_model_event(ModelEvent.model_validate_json(payload))


def describe_model_event(event: ModelEvent) -> str:
    """As `model_event_line`, of an event that has been read."""
    data = event.data
    details = (
        f"v{data.version}" if data.version else "",
        f"before v{data.before}" if data.before not in {None, data.version} else "",
        f"champion v{data.champion}" if data.champion not in {None, data.version} else "",
        f"in {data.load_ms:.0f} ms" if data.load_ms is not None else "",
        f"{data.mode} at {data.share:.4g}" if data.mode and data.share is not None else "",
        data.cause or "",
        data.guardrail or "",
        data.reason or "",
        data.message or "",
    )
    return f"{event.type:<17}  {printable(event.source)}" + "".join(
        f"  {printable(each, 200)}" for each in details if each
    )


def repeat_line(payload: bytes) -> str:
    """Listing and source."""
    data = Repeat.model_validate_json(payload).data
    return f"{printable(data.listing_id):<20}  {printable(data.listing_source)}"
