"""The names of all streams, keys and consumer groups."""

from __future__ import annotations

from dataclasses import dataclass

SCORERS = "scorers"
"""Consumer group of the consumers, which score listings."""
TRAINERS = "trainers"
"""Consumer group of the training workers, which execute commands."""
MONITORS = "monitors"
"""Consumer group of the monitors, which join outcomes with predictions."""
ARCHIVERS = "archivers"
"""Consumer group whose position shows which listings, predictions and outcomes are in the audit log."""

DATA_FIELD = b"data"
"""The field of an entry that carries the event's JSON."""
FASTSTREAM_FIELD = b"__data__"
"""The field of an entry that carries FastStream's binary envelope."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Keys of one domain on one Redis.

    Every key begins with the prefix and a colon, so a hash tag in the prefix (``{housing}``) puts all keys in one slot.
    """

    prefix: str

    def _key(self, name: str) -> str:
        return f"{self.prefix}:{name}"

    @property
    def listings(self) -> str:
        """Stream of listings to score."""
        return self._key("listings")

    @property
    def predictions(self) -> str:
        """Stream with one entry for each scored listing."""
        return self._key("predictions")

    @property
    def dead_letters(self) -> str:
        """Stream with one entry for each refused listing."""
        return self._key("dead-letters")

    @property
    def resolutions(self) -> str:
        """Stream with one entry for each dead letter that an operator replayed or dropped."""
        return self._key("dead-letters:resolutions")

    @property
    def repeats(self) -> str:
        """Stream with one entry for each listing that was dropped because its identity already had a prediction."""
        return self._key("repeats")

    @property
    def rate_limited(self) -> str:
        """Stream with one dead letter for each listing beyond its source's rate, so that they evict no others."""
        return self._key("rate-limited")

    @property
    def window(self) -> str:
        """Stream of recent rows and predictions, packed (`schemas.window`)."""
        return self._key("window")

    @property
    def commands(self) -> str:
        """Stream of commands from operators and the monitor."""
        return self._key("commands")

    @property
    def command_replies(self) -> str:
        """Hash from a command's id to its entry and the event that replied to it."""
        return self._key("commands:answers")

    @property
    def worker_state(self) -> str:
        """Hash of the state that a training worker needs after a crash: the champion and the rollback target."""
        return self._key("commands:notes")

    @property
    def training_lock(self) -> str:
        """Entry id of the command that is training; expires if its worker dies."""
        return self._key("commands:training")

    @property
    def model_events(self) -> str:
        """Stream of events about models."""
        return self._key("model-events")

    @property
    def model(self) -> str:
        """Hash with the desired model: activation, version, digest, uri."""
        return self._key("model")

    @property
    def outcomes(self) -> str:
        """Stream of the listings' true values."""
        return self._key("outcomes")

    @property
    def outcomes_cursor(self) -> str:
        """Entry id of the last prediction in the index of recent predictions."""
        return self._key("outcomes:cursor")

    @property
    def pending_outcomes(self) -> str:
        """Hash from a listing's identity to an outcome that has no prediction yet."""
        return self._key("outcomes:waiting")

    @property
    def outcome_errors(self) -> str:
        """List of the latest prediction errors, newest first: the outcome's time, the error, the outcome."""
        return self._key("outcomes:errors")

    def recent_predictions(self, hour: int) -> str:
        """Hash from identity to prediction, for one hour, counted since 1970."""
        return self._key(f"outcomes:recent:{hour}")

    def joined_outcomes(self, day: int) -> str:
        """Hash from a listing's entry id to the sums of its outcome, by the prediction's day since 1970."""
        return self._key(f"outcomes:joined:{day}")

    def quality_of_hour(self, hour: int) -> str:
        """Hash of sums over the predictions of one hour, counted since 1970."""
        return self._key(f"outcomes:hour:{hour}")

    def quality_of_day(self, day: int) -> str:
        """Hash of sums over the predictions of one day, counted since 1970."""
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
    def trim_marks(self) -> str:
        """List of past times, each with the last id and the total of every stream, by which trimming finds an age."""
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
        """Set of identities predicted in the previous rotation."""
        return self._key("dedup:previous")

    @property
    def dedup_rotated(self) -> str:
        """Time of the last rotation of the sets, in seconds of Redis's clock."""
        return self._key("dedup:rotated")

    @property
    def answers(self) -> tuple[str, str, str, str, str]:
        """The streams that together hold the outcome of every answered listing."""
        return *self.written_answers, self.resolutions

    @property
    def written_answers(self) -> tuple[str, str, str, str]:
        """The streams of answers that a commit writes to."""
        return self.predictions, self.dead_letters, self.repeats, self.rate_limited

    @property
    def all_of_consumer(self) -> tuple[str, ...]:
        """Every key that a consumer's scripts access."""
        streams = (self.listings, *self.written_answers, self.window)
        return (*streams, self.progress, self.trim_marks, self.dedup_current, self.dedup_previous, self.dedup_rotated)

    def bucket(self, source: str) -> str:
        """Token bucket of a source: the remaining events and the time of the last refill; expires when full."""
        return self._key(f"rate-limit:{source}")

    def probe(self, consumer: str) -> Streams:
        """Keys on which a consumer tests its rights to run its scripts at start."""
        return Streams(f"{self.prefix}:probe:{consumer}")
