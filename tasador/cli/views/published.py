"""Shows what a `tasador publish` has published, and which answers came."""

from __future__ import annotations

from pydantic import Field

from schemas.frozen_model import FrozenModel
from tasador.cli.terminal import print_line, write_json

_KINDS = {
    "scored": "scored",
    "refused": "refused",
    "repeated": "repeats of a listing scored before",
    "repeat": "repeats whose prediction is no longer stored",
}


class PublishSummary(FrozenModel):
    """What `tasador publish --json` writes.

    Attributes:
        published: number of entries that Redis confirmed.
        first_entry: entry id of the first one; empty if there is none.
        last_entry: entry id of the last one.
        seconds: from the first to the last.
        answers: with --wait, --out or --strict, kind of answer (`scored`, `refused`, `repeated`, `repeat`) -> number.
        out: the file of --out.
    """

    published: int = Field(ge=0)
    first_entry: str
    last_entry: str
    seconds: float = Field(ge=0)
    answers: dict[str, int] | None = None
    out: str | None = None

    @property
    def refused(self) -> int:
        """Number of listings that were refused."""
        return (self.answers or {}).get("refused", 0)


def show_summary(summary: PublishSummary, noun: str, *, as_json: bool) -> None:
    """Print the summary.

    Args:
        summary: what was published.
        noun: what it was, in the plural.
        as_json: print one JSON document instead of text.
    """
    if as_json:
        write_json(summary.model_dump(exclude=set() if summary.answers is not None else {"answers", "out"}))
        return
    rate = summary.published / summary.seconds if summary.seconds else 0
    print_line(f"{summary.published:,} {noun} published in {summary.seconds:.2f} s, {rate:,.0f}/s")
    print_line(f"entries {summary.first_entry} to {summary.last_entry}")
    if summary.answers is not None:
        kinds = ", ".join(f"{count:,} {_KINDS[kind]}" for kind, count in sorted(summary.answers.items()))
        print_line(f"answers: {kinds}" + (f"; written to {summary.out}" if summary.out else ""))
