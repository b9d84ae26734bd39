"""The names of all streams and keys, and nothing else spells one."""

from __future__ import annotations

from dataclasses import dataclass

SCORERS = "scorers"
"""Consumer group that answers listings."""
TRAINERS = "trainers"
"""Consumer group that carries out commands."""
MONITORS = "monitors"
"""Consumer group that joins outcomes."""
ARCHIVERS = "archivers"
"""Consumer group that says up to where listings, predictions and outcomes are in the audit log."""

DATA_FIELD = b"data"
"""The field of an entry that carries the event's JSON."""
FASTSTREAM_FIELD = b"__data__"
"""The field in which FastStream's publishers put their binary envelope."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Keys of one domain on one Redis.

    Every key begins with the prefix and a colon, so that a hash tag in it (``{housing}``) keeps them in one slot.
    """

    prefix: str

    def _key(self, name: str) -> str:
        return f"{self.prefix}:{name}"

    @property
    def listings(self) -> str:
        """Stream of events to score."""
        return self._key("listings")

    @property
    def predictions(self) -> str:
        """Stream with one entry for each scored event."""
        return self._key("predictions")

    @property
    def dead_letters(self) -> str:
        """Stream with one entry for each refused event."""
        return self._key("dead-letters")

    @property
    def resolutions(self) -> str:
        """Stream of what operators did with dead letters that are gone: replayed or dropped."""
        return self._key("dead-letters:resolutions")

    @property
    def repeats(self) -> str:
        """Stream with one entry for each event that was dropped because its identity had a prediction already."""
        return self._key("repeats")

    @property
    def rate_limited(self) -> str:
        """Stream with one dead letter for each event beyond its source's rate; their flood evicts no others."""
        return self._key("rate-limited")

    @property
    def window(self) -> str:
        """Stream of recent rows and predictions, packed (`schemas.window`)."""
        return self._key("window")

    @property
    def commands(self) -> str:
        """Stream of what operators and the monitor want done."""
        return self._key("commands")

    @property
    def command_answers(self) -> str:
        """Hash from a command's id to the entry that carried it and the event that answered it."""
        return self._key("commands:answers")

    @property
    def worker_notes(self) -> str:
        """Hash of what a training worker must know after a crash: the champion it followed, what a rollback aims at."""
        return self._key("commands:notes")

    @property
    def training(self) -> str:
        """Entry id of the command that trains now; it expires when its worker has died."""
        return self._key("commands:training")

    @property
    def model_events(self) -> str:
        """Stream of what happened to models."""
        return self._key("model-events")

    @property
    def model(self) -> str:
        """Hash with the desired model: activation, version, digest, uri."""
        return self._key("model")

    @property
    def outcomes(self) -> str:
        """Stream of what listings really sold for."""
        return self._key("outcomes")

    @property
    def outcomes_cursor(self) -> str:
        """Up to which prediction the index of recent predictions goes."""
        return self._key("outcomes:cursor")

    @property
    def outcomes_waiting(self) -> str:
        """Hash from a listing's identity to an outcome whose prediction has not been found."""
        return self._key("outcomes:waiting")

    @property
    def outcome_errors(self) -> str:
        """List of the latest errors of predictions, newest first: when the outcome came, the error, the outcome."""
        return self._key("outcomes:errors")

    def recent_predictions(self, hour: int) -> str:
        """Hash from identity to prediction, of those made in one hour since 1970."""
        return self._key(f"outcomes:recent:{hour}")

    def joined_outcomes(self, day: int) -> str:
        """Hash from a listing's entry id to what its outcome counts for, of predictions made on one day since 1970."""
        return self._key(f"outcomes:joined:{day}")

    def quality_of_hour(self, hour: int) -> str:
        """Hash of sums over the predictions of one hour since 1970."""
        return self._key(f"outcomes:hour:{hour}")

    def quality_of_day(self, day: int) -> str:
        """Hash of sums over the predictions of one day since 1970."""
        return self._key(f"outcomes:day:{day}")

    @property
    def drift(self) -> str:
        """Stream of drift and quality reports."""
        return self._key("drift")

    @property
    def progress(self) -> str:
        """Hash of counts, sums and the low-water mark."""
        return self._key("progress")

    @property
    def marks(self) -> str:
        """List of past moments, each with the last id and the total of every stream, that trimming looks up."""
        return self._key("progress:marks")

    @property
    def consumers(self) -> str:
        """Hash from a consumer's name to its heartbeat."""
        return self._key("consumers")

    @property
    def dedup_current(self) -> str:
        """Set of identities predicted since the last rotation."""
        return self._key("dedup:current")

    @property
    def dedup_previous(self) -> str:
        """Set of identities predicted in the rotation before."""
        return self._key("dedup:previous")

    @property
    def dedup_rotated(self) -> str:
        """When the sets were rotated last, in seconds of Redis's clock."""
        return self._key("dedup:rotated")

    @property
    def answers(self) -> tuple[str, str, str, str, str]:
        """The streams which together say of every answered listing what it got."""
        return *self.written_answers, self.resolutions

    @property
    def written_answers(self) -> tuple[str, str, str, str]:
        """The streams of answers that a commit writes."""
        return self.predictions, self.dead_letters, self.repeats, self.rate_limited

    @property
    def all_of_consumer(self) -> tuple[str, ...]:
        """Every key that a consumer's scripts touch."""
        written = (self.listings, *self.written_answers, self.window)
        return (*written, self.progress, self.marks, self.dedup_current, self.dedup_previous, self.dedup_rotated)

    def bucket(self, source: str) -> str:
        """How many events a source may send at once now, and since when; gone when it is full again."""
        return self._key(f"rate-limit:{source}")

    def probe(self, consumer: str) -> Streams:
        """Keys on which a consumer tries its scripts before it trusts them."""
        return Streams(f"{self.prefix}:probe:{consumer}")
