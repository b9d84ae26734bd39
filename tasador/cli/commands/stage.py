"""`tasador stage`: one stage of a training, between files; `dvc repro` runs those whose inputs have changed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from schemas.settings import load_settings
from tasador.cli.options import DomainOption
from tasador.cli.progress import Steps

EXAMPLE = "tasador stage validate"


class TrainingStage(StrEnum):
    """Every stage in order."""

    INGEST = "ingest"
    VALIDATE = "validate"
    TRAIN = "train"
    EVALUATE = "evaluate"
    REPORT = "report"


def stage(
    name: Annotated[TrainingStage, typer.Argument(help="Which one.")],
    folder: Annotated[
        Path | None, typer.Option(help="Where the stages leave their files.", show_default="stages/<domain>")
    ] = None,
    domain: DomainOption = None,
) -> None:
    """Run one stage of a training: it reads the files of the one before, and leaves its own.

    Nothing is registered: that is what `tasador train` does, in one go.
    """
    settings = load_settings(domain=domain)
    from training.stages import FOLDER, StageContext, run_stage

    with Steps(name.value) as steps:
        run_stage(name.value, StageContext(settings, folder or Path(FOLDER) / settings.domain, steps))
