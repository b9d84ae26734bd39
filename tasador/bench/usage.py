"""What processes use: processor time and memory of a contender and of Redis, sampled from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import redis

from schemas.frozen_model import FrozenModel
from tasador.bench.process import ContenderProcess


class ProcessUsage(FrozenModel):
    """What one process used.

    Attributes:
        title: of the process, for people.
        cpu_us: processor time per answer, in µs; if several processes share the work, per answer of all of them.
        peak_bytes: the largest sampled resident memory.
        used_bytes: the largest memory that Redis itself reported; None for other processes.
    """

    title: str
    cpu_us: float
    peak_bytes: int
    used_bytes: int | None = None


class UsageSample(NamedTuple):
    """Processor seconds and bytes of each process at one moment, those of Redis last."""

    answers: int
    cpu_s: tuple[float, ...]
    bytes: tuple[int, ...]
    redis_used: int


def sample_usage(client: redis.Redis, predictions: str, processes: Sequence[ContenderProcess]) -> UsageSample:
    """Sample all processes and Redis.

    Raises:
        BenchmarkError: a process has ended.
    """
    used = [process.usage() for process in processes]
    answers: Any = client.xlen(predictions)
    memory: Any = client.info("memory")
    cpu_s = (*(cpu_s for cpu_s, _ in used), redis_cpu_s(client))
    return UsageSample(answers, cpu_s, (*(rss for _, rss in used), memory["used_memory_rss"]), memory["used_memory"])


def redis_cpu_s(client: redis.Redis) -> float:
    """Processor seconds that Redis has used since its start."""
    used: Any = client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


def usage_between(
    titles: Sequence[str], samples: Sequence[UsageSample]
) -> tuple[tuple[ProcessUsage, ...], ProcessUsage]:
    """What each process and Redis used between the first sample with an answer and the last sample.

    Args:
        titles: of the processes.
        samples: from the start to the last answer.
    """
    first, last = next(sample for sample in samples if sample.answers), samples[-1]
    # a drain that ends before the second sample is too short to show processor time
    answers = max(last.answers - first.answers, 1)
    usages = [
        ProcessUsage(
            title=title,
            cpu_us=(last.cpu_s[index] - first.cpu_s[index]) / answers * 1e6,
            peak_bytes=max(sample.bytes[index] for sample in samples),
        )
        for index, title in enumerate((*titles, "Redis"))
    ]
    redis_used = max(sample.redis_used for sample in samples)
    return tuple(usages[:-1]), usages[-1].model_copy(update={"used_bytes": redis_used})
