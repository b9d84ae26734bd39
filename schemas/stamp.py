"""The stamp of a prediction: which model made it, in the fast form of `schemas.events.ModelStamp`."""

from __future__ import annotations

import msgspec

from schemas.rollouts import ArmName


class Stamp(msgspec.Struct, gc=False, omit_defaults=True):
    """A model's version in the registry, and the activation that made it the desired model.

    Attributes:
        version: of the model that predicted.
        activation: of that model; of a challenger the entry id of its rollout's start.
        rollout: entry id of the start of the rollout that the consumer carried out; None where it carried out none.
        arm: the model that was to answer; None where there is no rollout.
        fallback: whether the champion answered in the challenger's place.
    """

    version: str
    activation: str
    rollout: str | None = None
    arm: ArmName | None = None
    fallback: bool = False
