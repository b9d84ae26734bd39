"""What a reply to a command does to the rollout, as the script of replies takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RolloutChange:
    """What a reply does to the rollout.

    Attributes:
        rollout: id of the rollout that the reply is about; empty for none.
        fields: of the rollout from then on, without `id`, `revision` and `champion`, which the script adds; None to end
            it.
    """

    rollout: str
    fields: Mapping[str, str] | None = None

    def script_fields(self) -> dict[str, object]:
        """Arguments of the script."""
        if self.fields is None:
            return {"rollout": self.rollout}
        return {"rollout": self.rollout, "rollout_fields": [part for field in self.fields.items() for part in field]}
