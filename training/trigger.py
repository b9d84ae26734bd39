"""The occasion of a training run: who or what asked for it, and in which state of the code."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.card import library_versions
from registry.versions import COMMAND_TAG, GIT_TAG, TRAINING_TAG, TRIGGER_TAG
from schemas.settings import Settings
from training.gate.report import Override

_GIT_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why a run takes place.

    Attributes:
        trigger: where it was asked for: ``python``, ``command line`` or ``command``.
        command_id: the command that asked for it, if one did.
        override: who wants the result promoted whatever the gate says, and why.
    """

    trigger: str = "python"
    command_id: str | None = None
    override: Override | None = None

    def tags(self) -> dict[str, str]:
        """What is noted of it on run and version."""
        commit = git_commit()
        return (
            {TRIGGER_TAG: self.trigger}
            | ({COMMAND_TAG: self.command_id} if self.command_id else {})
            | ({GIT_TAG: commit} if commit else {})
        )


def training_tag(settings: Settings, models: Sequence[str]) -> dict[str, str]:
    """The tag by which a training that would repeat another is known: settings, recipes and libraries in a hash."""
    what = {
        "training": settings.training.model_dump(mode="json", exclude={"report", "n_jobs"}),
        "search": settings.search.model_dump(mode="json"),
        "models": list(models),
        "max_us_per_row": settings.swap.max_us_per_row,
        "versions": library_versions(),
    }
    return {TRAINING_TAG: hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()}


def git_commit() -> str | None:
    """The commit of this code, with ``-dirty`` where it was changed since; None where it is in no checkout."""
    git = shutil.which("git")
    if git is None:
        return None
    here = Path(__file__)
    # an installed package may lie inside somebody else's checkout
    if _ask(git, "ls-files", "--error-unmatch", here.name) is None:
        return None
    return _ask(git, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*")


def _ask(git: str, *arguments: str) -> str | None:
    try:
        command = [git, "-C", str(Path(__file__).parent), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_GIT_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
