"""Decisions about a version: each verdict of the gate and each forced activation, as a tag that is never overwritten.

Aliases and the tags of the last verdict change; these tags stay as long as the version, also where Redis is lost.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

_PREFIX = "decision/"


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks for a decision.

    Attributes:
        actor: a person with their host, or a process.
        source: ``python``, ``command line`` or ``command``.
        id: of the command, or else one of its own.
    """

    actor: str = "unknown"
    source: str = "python"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about a version.

    Attributes:
        time: ISO 8601.
        verdict: the gate's (``passed``, ``staged``, ``forced``, ``failed``), or ``activated`` of a forced reload.
        stage: that the gate decided on; empty of a reload.
        requester: who asked for it.
        reason: why the gate was overridden; empty where it was not.
    """

    time: str
    verdict: str
    stage: str
    requester: Requester
    reason: str = ""

    def as_tag(self) -> dict[str, str]:
        """The tag that keeps it; the same decision of the same requester has the same tag."""
        # ids are the sender's and may be longer than MLflow's names of tags
        name = hashlib.sha256(self.requester.id.encode()).hexdigest()[:16]
        return {f"{_PREFIX}{name}": json.dumps(asdict(self))}


def decisions_in(tags: Mapping[str, str]) -> Iterator[Decision]:
    """The decisions among the tags of a version, oldest first."""
    stored = [json.loads(value) for key, value in tags.items() if key.startswith(_PREFIX)]
    for one in sorted(stored, key=lambda decision: str(decision["time"])):
        yield Decision(**one | {"requester": Requester(**one["requester"])})
