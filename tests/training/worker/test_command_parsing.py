"""What a command may ask for, and what contradicts itself."""

from __future__ import annotations

import pytest

from schemas.commands import Command, Promote, PromoteData, Retrain, RetrainData
from schemas.streams import DATA_FIELD
from training.worker.command_parsing import override_of, parse_command


def test_a_training_may_say_why_it_is_asked_for_and_overrides_nothing_by_that() -> None:
    asked = Retrain(actor="monitor", data=RetrainData(reason="quality: the errors have jumped"))
    order = parse_command({DATA_FIELD: asked.model_dump_json().encode()})
    assert isinstance(order.command, Retrain)
    assert override_of(order.command) is None
    forced = asked.model_copy(update={"data": RetrainData(force=True, reason="a test")})
    override = override_of(forced)
    assert override is not None
    assert (override.actor, override.reason) == ("monitor", "a test")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (Promote(data=PromoteData(version="2", reason="because")), "a reason is for force"),
        (Promote(data=PromoteData(version="2", force=True)), "force wants a reason"),
    ],
)
def test_a_promotion_wants_force_and_reason_together(command: Command, message: str) -> None:
    order = parse_command({DATA_FIELD: command.model_dump_json().encode()})
    assert (order.command, order.reason) == (None, "invalid")
    assert message in order.message
