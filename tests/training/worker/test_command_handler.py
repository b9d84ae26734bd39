"""Which commands are valid, and which override the gate."""

from __future__ import annotations

import pytest

from schemas.commands import Command, Promote, PromoteData, Retrain, RetrainData
from schemas.streams import DATA_FIELD
from training.gate.report import Override
from training.worker.command_handler import parse_command


def test_reason_of_a_training_overrides_the_gate_only_with_force() -> None:
    retrain = Retrain(actor="monitor", data=RetrainData(reason="quality: the errors have jumped"))
    parsed = parse_command({DATA_FIELD: retrain.model_dump_json().encode()})
    assert isinstance(parsed.command, Retrain)
    assert Override.of_command(parsed.command) is None
    forced = retrain.model_copy(update={"data": RetrainData(force=True, reason="a test")})
    assert Override.of_command(forced) == Override(actor="monitor", reason="a test")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (Promote(data=PromoteData(version="2", reason="because")), "a reason is allowed only with force"),
        (Promote(data=PromoteData(version="2", force=True)), "force requires a reason"),
    ],
)
def test_promotion_requires_force_and_reason_together(command: Command, message: str) -> None:
    parsed = parse_command({DATA_FIELD: command.model_dump_json().encode()})
    assert (parsed.command, parsed.reason) == (None, "invalid")
    assert message in parsed.message
