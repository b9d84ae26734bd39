"""MLflow's former stages, expressed in aliases and a tag.

Production is the alias `champion`, Staging the alias `challenger`. Archived is the alias `previous_champion`, or the
tag `stage` of a version that an operator archived. Every other version has the stage None.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

CHAMPION = "champion"
PREVIOUS_CHAMPION = "previous_champion"
CHALLENGER = "challenger"
STAGE_TAG = "stage"


class Stage(StrEnum):
    """A stage."""

    PRODUCTION = "Production"
    STAGING = "Staging"
    ARCHIVED = "Archived"
    NONE = "None"


ALIAS_OF: Mapping[Stage, str] = {Stage.PRODUCTION: CHAMPION, Stage.STAGING: CHALLENGER}
"""The alias that stands for a stage."""


def stage_of(aliases: Collection[str], tags: Mapping[str, str]) -> Stage:
    """The stage of a version with these aliases and tags."""
    for stage, alias in ALIAS_OF.items():
        if alias in aliases:
            return stage
    is_archived = PREVIOUS_CHAMPION in aliases or tags.get(STAGE_TAG) == Stage.ARCHIVED
    return Stage.ARCHIVED if is_archived else Stage.NONE
