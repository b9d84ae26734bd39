"""Steps of a rollout are read from one text, and a rollout from its hash."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.rollouts import DesiredRollout, RolloutStep, parse_steps


def test_steps_are_read_from_a_text() -> None:
    shadow, first, last = parse_steps("shadow 1h, 0.05 30m, 1 1d")
    assert shadow == RolloutStep("shadow", 1.0, 3600)
    assert first == RolloutStep("canary", 0.05, 1800)
    assert last == RolloutStep("canary", 1.0, 86_400)


@pytest.mark.parametrize("text", ["shadow", "0 1h", "1.5 1h", "0.05", "0.05 30x"])
def test_what_is_no_step_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is no step"):
        parse_steps(text)


def test_a_rollout_is_read_from_its_hash() -> None:
    fields = {"id": "1-0", "revision": "2-0", "mode": "canary", "version": "2", "digest": "d", "uri": "u"}
    fields |= {"share": "0.05", "salt": "s", "pairs": "0", "champion": "1", "until": "2026-01-01T00:00:00Z"}
    rollout = DesiredRollout.from_hash({name.encode(): value.encode() for name, value in fields.items()})
    assert rollout is not None
    assert (rollout.share, rollout.has_pairs, rollout.until) == (0.05, False, datetime(2026, 1, 1, tzinfo=UTC))
    assert rollout.arm_of(in_share=True) == "challenger"
    assert rollout.arm_of(in_share=False) == "champion"
    assert DesiredRollout.from_hash({}) is None
