"""The options of a commit: the named arguments of `commit.lua`, one JSON object."""

from __future__ import annotations

import msgspec

from consumer.arm_scores import BatchArms


class RolloutOptions(msgspec.Struct, gc=False):
    """Which rollout the batch belongs to, what each model answered, and how long it took; sums and µs are texts."""

    id: str
    champion_us: str
    challenger_us: str
    champion_sum: str
    challenger_sum: str
    answers: int


class CommitOptions(msgspec.Struct, gc=False, omit_defaults=True):
    """The named arguments of `commit.lua`; sums and rate are texts, since Lua's JSON keeps 14 digits of a number."""

    group: str
    consumer: str
    entries: int
    predictions: int
    dedup_seconds: int
    dedup_max_ids: int
    row_bytes: int
    stride: int
    activation: str
    layout: str
    sum: str
    sum_squares: str
    source: str
    time: str
    rate: str
    burst: int
    buckets: int
    explains: bool
    max_requests: int
    keeps_pairs: bool
    shard: int = 0
    rollout: RolloutOptions | None = None


def rollout_options(arms: BatchArms) -> RolloutOptions:
    """The options of a batch that a rollout concerned."""
    return RolloutOptions(
        id=arms.rollout,
        champion_us=repr(arms.champion_us),
        challenger_us=repr(arms.challenger_us),
        champion_sum=repr(arms.champion_total),
        challenger_sum=repr(arms.challenger_total),
        answers=arms.answered["challenger"],
    )
