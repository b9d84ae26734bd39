"""The trigger of a training run, and the tags that record it: source, command, commit of the code, and settings."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.card import library_versions
from registry.decisions import Requester
from registry.versions import CAUSE_TAG, COMMAND_TAG, GIT_TAG, TRAINED_BY_TAG, TRAINING_TAG, TRIGGER_TAG
from schemas.commands import Retrain, RetrainCause
from schemas.settings import Settings
from training.gate.report import Override

_GIT_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Trigger:
    """What started a training run.

    Attributes:
        source: ``python``, ``command line`` or ``command``.
        command_id: of the command that started the run; None for other sources.
        override: the operator who forces the promotion, with the reason; None without force.
        actor: who started the run.
        cause: why a retraining was requested.
    """

    source: str = "python"
    command_id: str | None = None
    override: Override | None = None
    actor: str = "unknown"
    cause: RetrainCause = "operator"

    @classmethod
    def of_command(cls, command: Retrain) -> Trigger:
        """The trigger that a command is."""
        return cls("command", command.id, Override.of_command(command), command.actor, command.data.cause)

    @property
    def requester(self) -> Requester:
        """Who asks the gate for its decision on the result."""
        given = {"id": self.command_id} if self.command_id else {}
        return Requester(self.actor, self.source, **given)

    def tags(self) -> dict[str, str]:
        """Tags for the run and the version."""
        commit = git_commit()
        return (
            {TRIGGER_TAG: self.source, TRAINED_BY_TAG: self.actor, CAUSE_TAG: self.cause}
            | ({COMMAND_TAG: self.command_id} if self.command_id else {})
            | ({GIT_TAG: commit} if commit else {})
        )


def training_tag(settings: Settings, models: Sequence[str]) -> dict[str, str]:
    """The tag that identifies repeated trainings: a hash of settings, recipes and versions of libraries."""
    inputs = {
        "training": settings.training.model_dump(mode="json", exclude={"report", "n_jobs"}),
        "models": list(models),
        "max_us_per_row": settings.swap.max_us_per_row,
        "coverage": settings.interval.coverage,
        "versions": library_versions(),
    }
    return {TRAINING_TAG: hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()}


def git_commit() -> str | None:
    """The commit of this code, with ``-dirty`` after uncommitted changes; None outside of a checkout."""
    git = shutil.which("git")
    if git is None:
        return None
    here = Path(__file__)
    # an installed package may be inside the checkout of another project
    if _run_git(git, "ls-files", "--error-unmatch", here.name) is None:
        return None
    commit = _run_git(git, "rev-parse", "HEAD")
    # unlike `describe --dirty` it takes no lock, which a training that is killed just then would leave behind
    changes = _run_git(git, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
    return f"{commit}-dirty" if commit and changes else commit


def _run_git(git: str, *arguments: str) -> str | None:
    try:
        command = [git, "-C", str(Path(__file__).parent), *arguments]
        process = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_GIT_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip()
