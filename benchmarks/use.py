"""What processes use: a contender's and Redis, looked at from outside again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import redis
from pydantic import BaseModel, ConfigDict

from benchmarks.process import ContenderProcess


class Use(BaseModel):
    """What one process used.

    Attributes:
        title: of the process, for a person.
        cpu_us: processor time for each answer, in µs; where several share the work, for each of all answers.
        peak_bytes: the most memory that it was seen to hold (rss).
        used_bytes: the most that Redis itself counted; None for other processes.
    """

    model_config = ConfigDict(frozen=True)

    title: str
    cpu_us: float
    peak_bytes: int
    used_bytes: int | None = None


class Look(NamedTuple):
    """What was seen at one moment: processor seconds and bytes of each process, those of Redis last."""

    answers: int
    cpu_s: tuple[float, ...]
    bytes: tuple[int, ...]
    redis_used: int


def look_at(client: redis.Redis, predictions: str, processes: Sequence[ContenderProcess]) -> Look:
    """Look at all of them.

    Raises:
        BenchmarkError: one has ended.
    """
    each = [process.look() for process in processes]
    answers: Any = client.xlen(predictions)
    memory: Any = client.info("memory")
    cpu_s = (*(cpu_s for cpu_s, _ in each), redis_cpu_s(client))
    return Look(answers, cpu_s, (*(held for _, held in each), memory["used_memory_rss"]), memory["used_memory"])


def redis_cpu_s(client: redis.Redis) -> float:
    """Processor seconds of Redis until now."""
    used: Any = client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


def uses_of(titles: Sequence[str], looks: Sequence[Look]) -> tuple[tuple[Use, ...], Use]:
    """What each process used from the first look that found an answer, and what Redis used.

    Args:
        titles: of the processes.
        looks: from the start to the last answer.
    """
    first, last = next(look for look in looks if look.answers), looks[-1]
    # a drain that is over at the first look that finds an answer is too short for figures of processor time
    answers = max(last.answers - first.answers, 1)
    uses = [
        Use(
            title=title,
            cpu_us=(last.cpu_s[place] - first.cpu_s[place]) / answers * 1e6,
            peak_bytes=max(look.bytes[place] for look in looks),
        )
        for place, title in enumerate((*titles, "Redis"))
    ]
    counted = max(look.redis_used for look in looks)
    return tuple(uses[:-1]), uses[-1].model_copy(update={"used_bytes": counted})
