"""The rollout for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from operations.rollouts import RolloutCommandResult, RolloutStatus
from tasador.cli.formatting import format_time, printable

_DONE = {"rollout.started": "started", "rollout.adjusted": "adjusted", "rollout.stopped": "stopped"}


def describe_result(result: RolloutCommandResult) -> str:
    """One line with what came of a command, and the consumers that confirmed it."""
    what = f"{result.mode} of version {result.version} at {result.share:.4g} of the listings ({result.rollout})"
    text = f"{what} is {_DONE.get(result.result, result.result)}"
    if result.confirmed is None:
        return text
    return f"{text}; confirmed by {', '.join(result.confirmed)}" if result.confirmed else f"{text}; no consumer runs"


def rollout_view(status: RolloutStatus) -> str:
    """The rollout, and who carries it out."""
    return "\n".join(_lines(status))


def _lines(status: RolloutStatus) -> Iterator[str]:
    rollout = status.rollout
    if rollout is None:
        yield "no rollout is running"
        return
    pairs = "both models score them" if rollout.has_pairs else "one model scores each"
    versions = f"version {rollout.version} beside version {rollout.champion}"
    yield f"{rollout.mode} of {versions}, started by {printable(rollout.actor)}"
    yield f"rollout      {rollout.id}"
    yield f"share        {rollout.share:.4g} of the listings; {pairs}"
    if rollout.follows_steps:
        yield "steps        moves on by rollout.steps"
    if rollout.until is not None:
        yield f"until        {format_time(rollout.until)}"
    yield f"carried out  by {', '.join(status.carried_out_by) or 'no consumer'}"
    for name, why in status.missing.items():
        yield f"missing      {printable(name)}: {printable(why, 300)}"
    if status.failures:
        yield f"failures     {status.failures} consumers died with the challenger loaded"
