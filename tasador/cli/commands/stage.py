"""`tasador stage`: runs one stage of the training pipeline; `dvc repro` runs those whose inputs have changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from schemas.settings import load_settings
from tasador.cli.options import DomainOption
from tasador.cli.progress import TrainingProgressBar

EXAMPLE = "tasador stage validate"


TrainingStage = Literal["ingest", "validate", "train", "evaluate", "report"]


def stage(
    name: Annotated[TrainingStage, typer.Argument(help="Stage to run.")],
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the stages' files.", show_default="stages/<domain>")
    ] = None,
    domain: DomainOption = None,
) -> None:
    """Run one stage of the training pipeline: it reads the previous stage's files and writes its own.

    No stage registers a model; use `tasador train` to train and register.
    """
    settings = load_settings(domain=domain)
    from training.stages import FOLDER, StageContext, run_stage

    with TrainingProgressBar(name) as progress:
        run_stage(name, StageContext(settings, folder or Path(FOLDER) / settings.domain, progress))
