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

EXPLAINERS = "explainers"
"""Consumer group of the explainers, which answer requests for explanations."""

DATA_FIELD = b"data"
"""The field of an entry that carries the event's JSON."""
FASTSTREAM_FIELD = b"__data__"
"""The field of an entry that carries FastStream's binary envelope."""
REPLY_FIELD = b"replyto"
"""The field of an entry that names a stream of replies; it counts more than the envelope's attribute of that name."""


class _Key:
    """Gives each `Streams` its key of one name, which all shards of a domain share."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, streams: Streams, _: type[Streams]) -> str:
        return f"{streams.prefix}:{self._name}"


class _ShardKey:
    """Gives each `Streams` its shard's own key of one name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, streams: Streams, _: type[Streams]) -> str:
        return f"{streams.shard_prefix}:{self._name}"


@dataclass(frozen=True, slots=True)
class Streams:
    """Keys of one domain, and of one of its shards.

    Every key begins with a prefix and a colon, so a hash tag in it (``{housing}``) puts keys in one slot. The shard's
    own keys have a prefix of their own (``{housing.2}``), so the two kinds may be on different servers; only in the
    first shard, number 0, both have the domain's prefix. Stored features have it without the braces of its hash tag
    (``housing``), so those of each property may be in any slot.
    """

    prefix: str
    shard: int = 0

    listings = _ShardKey("listings")
    """Stream of listings to score."""
    predictions = _ShardKey("predictions")
    """Stream with one entry for each scored listing."""
    dead_letters = _ShardKey("dead-letters")
    """Stream with one entry for each refused listing."""
    resolutions = _ShardKey("dead-letters:resolutions")
    """Stream with one entry for each dead letter that an operator replayed or dropped."""
    repeats = _ShardKey("repeats")
    """Stream with one entry for each listing that was dropped because its identity already had a prediction."""
    rate_limited = _ShardKey("rate-limited")
    """Stream with one dead letter for each listing beyond its source's rate, so that they evict no others."""
    window = _ShardKey("window")
    """Stream of recent rows and predictions, packed (`schemas.window`)."""
    commands = _Key("commands")
    """Stream of commands from operators and the monitor."""
    command_replies = _Key("commands:answers")
    """Hash from a command's id to its entry and the event that replied to it."""
    worker_state = _Key("commands:notes")
    """Hash of the training workers' state: the champion, what answered before (`schemas.states`), rollback targets."""
    training_lock = _Key("commands:training")
    """Entry id of the command that is training; expires if its worker dies."""
    shards = _Key("shards")
    """Hash of how many shards the domain has (`schemas.shards`); there is none while it has one."""
    shards_hold = _Key("shards:hold")
    """Exists while the number of shards is being changed: publishers wait; expires if the command dies."""
    model_events = _Key("model-events")
    """Stream of events about models."""
    loop = _Key("loop")
    """Hash with who paused the retraining loop, and why; there is none while the loop is not paused."""
    history = _Key("history")
    """Stream with one entry for each change of the models, who asked for it and why; never trimmed, because small."""
    model = _Key("model")
    """Hash with the desired model: activation, version, digest, uri."""
    rollout = _Key("rollout")
    """Hash with the desired rollout (`schemas.rollouts`); there is none without a rollout."""
    challenger_loads = _Key("rollout:loaded")
    """Hash from a consumer's name to the rollout whose challenger it has loaded, and which process of that name."""
    challenger_failures = _Key("rollout:failures")
    """Hash from a rollout to how many consumers died with its challenger loaded."""
    shadows = _ShardKey("shadows")
    """Stream of what champion and challenger each say to a listing, packed (`schemas.pairs`)."""
    rollout_comparison = _Key("rollout:comparison")
    """Hash of the running comparison of a rollout's outcomes: what has been read, and sums."""
    rollout_units = _Key("rollout:units")
    """Hash from a subject or hour to its outcomes in the comparison."""
    rollout_report = _Key("rollout:report")
    """The newest report on a rollout as JSON (`schemas.rollout_report`)."""
    rollout_verdicts = _Key("rollout:verdicts")
    """Stream of the verdicts on rollouts as their outcomes grew (`schemas.rollout_report`)."""
    outcomes = _Key("outcomes")
    """Stream of the listings' true values."""
    pending_outcomes = _Key("outcomes:waiting")
    """Hash from a listing's identity to an outcome that has no prediction yet."""
    outcome_errors = _Key("outcomes:errors")
    """List of the latest prediction errors, newest first: the outcome's time, the error, the outcome."""
    outcome_coverage = _Key("outcomes:coverage")
    """List of whether ranges held the latest outcomes, newest first: 1 or 0, and the version."""
    archive = _Key("archive")
    """Hash from a kind of file of the audit log to the span of entries of the newest one."""
    archive_erasing = _Key("archive:erasing")
    """Held while a subject is erased from the audit log; expires if that dies."""
    drift = _Key("drift")
    """Stream of drift and quality reports."""
    explain = _ShardKey("explain")
    """Stream of requests for explanations that have no answer yet; an answered one is deleted."""
    explanations = _ShardKey("explanations")
    """Stream with one entry for each answered request."""
    what_if = _Key("what-if")
    """List of questions what the model would answer to a changed listing (`schemas.what_if`); expires."""
    progress = _ShardKey("progress")
    """Hash of counts, sums and the low-water mark."""
    trim_marks = _ShardKey("progress:marks")
    """List of past times, each with the last id and the total of every stream, by which trimming finds an age."""
    consumers = _Key("consumers")
    """Hash from a consumer's name to its heartbeat."""
    trainers = _Key("trainers")
    """Hash from a training worker's name to its heartbeat."""
    monitors = _Key("monitors")
    """Hash from a monitor's name to its heartbeat."""
    explainers = _Key("explainers")
    """Hash from an explainer's name to its heartbeat."""
    gateways = _Key("gateways")
    """Hash from a gateway's name to its heartbeat."""
    consoles = _Key("consoles")
    """Hash from a console's name to its heartbeat."""
    gateway_keys = _Key("gateway:keys")
    """Hash from the name of an API key to its role and SHA-256; the key itself is stored nowhere."""
    gateway_limits = _Key("gateway:limits")
    """Prefix of the counts of requests by API key, which expire."""
    dedup_current = _ShardKey("dedup:current")
    """Hash from an identity that was predicted since the last rotation to the entry id of its prediction."""
    dedup_previous = _ShardKey("dedup:previous")
    """The hash of the previous rotation."""
    dedup_rotated = _ShardKey("dedup:rotated")
    """Time of the last rotation of the hashes, in seconds of Redis's clock."""

    @property
    def shard_prefix(self) -> str:
        """The prefix of the shard's own keys: its number stands inside the hash tag, if there is one."""
        if not self.shard:
            return self.prefix
        head, brace, tail = self.prefix.partition("}")
        return f"{head}.{self.shard}{brace}{tail}"

    def of_shard(self, number: int) -> Streams:
        """The keys of one shard of the same domain."""
        return Streams(self.prefix, number)

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

    @property
    def outcomes_cursor(self) -> str:
        """Entry id of the shard's last prediction in the index of recent predictions; beside that index."""
        return f"{self.prefix}:outcomes:cursor:{self.shard}" if self.shard else f"{self.prefix}:outcomes:cursor"

    def recent_predictions(self, hour: int) -> str:
        """Hash from identity to prediction, for one hour, counted since 1970."""
        return f"{self.prefix}:outcomes:recent:{hour}"

    def joined_outcomes(self, day: int) -> str:
        """Hash from the name of a listing's entry to the sums of its outcome, by the prediction's day since 1970."""
        return f"{self.prefix}:outcomes:joined:{day}"

    def quality_of_hour(self, hour: int) -> str:
        """Hash of sums over the predictions of one hour, counted since 1970."""
        return f"{self.prefix}:outcomes:hour:{hour}"

    def quality_of_day(self, day: int) -> str:
        """Hash of sums over the predictions of one day, counted since 1970."""
        return f"{self.prefix}:outcomes:day:{day}"

    def replies(self, name: str) -> str:
        """Stream of the answers for one asker, who creates it and keeps it from expiring."""
        return f"{self.shard_prefix}:replies:{name}"

    def what_if_answer(self, question: str) -> str:
        """List with the answer to one question, which its asker takes; expires."""
        return f"{self.prefix}:what-if:{question}"

    def features(self, subject: str) -> str:
        """Hash of the stored features of one property, and when they were true (`schemas.stored_features`)."""
        return f"{self.prefix.replace('{', '').replace('}', '')}:features:{subject}"

    def bucket(self, source: str) -> str:
        """Token bucket of a source: the remaining events and the time of the last refill; expires when full."""
        return f"{self.shard_prefix}:rate-limit:{source}"

    def probe(self, consumer: str) -> Streams:
        """Keys on which a consumer tests its rights to run its scripts at start."""
        return Streams(f"{self.shard_prefix}:probe:{consumer}")
