"""`tasador train`: train on real data, and make the best model champion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from operations.command_sender import current_actor
from schemas.errors import ModelNotFoundError
from tasador.cli.options import DomainOption, ForceOption, JsonOption, ReasonOption, check_force
from tasador.cli.progress import Steps
from tasador.cli.terminal import err, out, write_json
from tasador.machine.registry_settings import registry_settings

if TYPE_CHECKING:
    from registry.versions import ModelVersionInfo
    from schemas.settings import Settings
    from training import TrainingResult

REPORTS = Path("reports")
EXAMPLE = "tasador train --data homes.csv --models xgboost,gradient-boosting"


def train(
    data: Annotated[
        str | None,
        typer.Option(
            help="A CSV or Parquet file, a URL, kaggle:owner/name[/file] or uci:544.",
            show_default="what params.yaml says",
        ),
    ] = None,
    models: Annotated[
        str, typer.Option(help="Recipes to try, separated by commas.", show_default="all that fit, within params.yaml")
    ] = "",
    quick: Annotated[bool, typer.Option("--quick", help="One repetition of the folds, few trials, no plots.")] = False,
    unless_champion: Annotated[
        bool, typer.Option("--unless-champion", help="Train only if the domain has no champion yet.")
    ] = False,
    promote: Annotated[bool, typer.Option(help="Make the version champion, if the gate lets it pass.")] = True,
    force: ForceOption = False,
    reason: ReasonOption = "",
    report: Annotated[Path, typer.Option(help="Takes the report, under the domain's name.")] = REPORTS,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train models, register the best, and make it champion.

    Models are compared by cross-validation on the training rows; the test rows judge the winner alone, once. The gate
    compares the winner with the champion on the same folds; where it does not let it pass, the champion stays.
    """
    check_force(force, reason)
    settings = registry_settings(domain)
    if unless_champion:
        if (found := _champion(settings)) is not None:
            _tell_champion(found, as_json)
            return
        err.print(f"{settings.domain} has no champion yet: training one", highlight=False, markup=False)
    if quick:
        from training import quick_settings

        settings = quick_settings(settings)
    with Steps("training") as steps:
        from training import Override, Trigger
        from training import train as run

        names = [name.strip() for name in models.split(",") if name.strip()]
        occasion = Trigger("command line", override=Override(actor=current_actor(), reason=reason) if force else None)
        result = run(settings, data, names, promote=promote, progress=steps, occasion=occasion, reports=report)
    if as_json:
        write_json(result.as_json())
        return
    for problem in result.problems:
        err.print(f"left out: {problem}", highlight=False, markup=False, soft_wrap=True)
    out.print(_candidates(result))
    _tell(result)


def _champion(settings: Settings) -> ModelVersionInfo | None:
    from registry.location import tracking_uri_of
    from registry.store import Registry

    try:
        return Registry(tracking_uri_of(settings), settings.domain).resolve()
    except ModelNotFoundError:
        return None


def _tell_champion(found: ModelVersionInfo, as_json: bool) -> None:
    if as_json:
        write_json({"name": found.name, "version": found.version, "is_champion": True, "is_trained": False})
    else:
        text = f"version {found.version} of {found.name} ({found.algorithm}) is champion already: nothing to train"
        out.print(text, highlight=False, markup=False)


def _candidates(result: TrainingResult) -> Table:
    table = Table("MODEL", result.metric.upper(), "SD", "µs/ROW", "", box=None, pad_edge=False)
    for one in result.candidates:
        note = "chosen" if one.name == result.algorithm else "" if one.is_affordable else "too slow"
        table.add_row(one.name, f"{one.mean:.3f}", f"{one.sd:.3f}", f"{one.us_per_row:.1f}", note)
    return table


def _tell(result: TrainingResult) -> None:
    test = ", ".join(
        f"{name.removeprefix('test_')} {value:.3f}" for name, value in result.metrics.items() if "test" in name
    )
    out.print(f"on {len(result.test_rows)} test rows: {test}", highlight=False)
    what = "is champion" if result.is_champion else "is registered and no alias points to it"
    if result.gate is not None and result.gate.failed:
        out.print(str(result.gate), highlight=False, markup=False, soft_wrap=True)
    out.print(
        f"version {result.version} of {result.name} ({result.algorithm}) {what}; {result.seconds:.0f} s",
        highlight=False,
    )
    if not result.is_champion:
        out.print(f"see what the gate asks for: tasador registry show {result.version}", highlight=False)
    else:
        out.print("a running system follows by itself, or at once with: tasador reload", highlight=False)
