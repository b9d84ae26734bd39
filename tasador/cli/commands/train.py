"""`tasador train`: trains models, registers the best and promotes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from operations.command_sender import current_actor
from schemas.command_line import spell_command
from tasador.cli.announcing import announced_training
from tasador.cli.options import DomainOption, ForceOption, JsonOption, ReasonOption, check_force
from tasador.cli.progress import TrainingProgressBar
from tasador.cli.reading import DecimalOption, RenameOption, with_table_options
from tasador.cli.terminal import print_line, print_note, stdout, write_json
from tasador.cli.terminal_table import TableColumn, TerminalTable
from tasador.machine.running_system import load_registry_settings
from training.progress import note_progress

if TYPE_CHECKING:
    from registry.versions import ModelVersionInfo
    from schemas.settings import Settings
    from service.activity import RunningActivity
    from training import TrainingResult

REPORTS = Path("reports")
KEPT_OUT = 3
"""The exit code if the version was trained and registered, and the gate kept it out."""
EXAMPLE = "tasador train --data homes.csv --models boosting,linear"


def train(
    data: Annotated[
        str | None,
        typer.Option(
            help="A table (CSV, JSON lines, Parquet, Excel), a URL, kaggle:owner/name[/file] or uci:544.",
            show_default="data in params.yaml",
        ),
    ] = None,
    models: Annotated[
        str, typer.Option(help="Recipes to try, separated by commas.", show_default="training.models in params.yaml")
    ] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Train with a budget of 20 s, and draw no plots.")] = False,
    unless_champion: Annotated[
        bool, typer.Option("--unless-champion", help="Train only if the domain has no champion.")
    ] = False,
    promote: Annotated[bool, typer.Option(help="Promote the version if it passes the gate.")] = True,
    force: ForceOption = False,
    reason: ReasonOption = "",
    report: Annotated[
        Path, typer.Option(help="Folder of the report; it is written below the domain's name.")
    ] = REPORTS,
    decimal: DecimalOption = None,
    rename: RenameOption = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train models, register the best and promote it.

    Models are compared by cross-validation on the training rows; only the best is evaluated on the test rows, once. The
    gate compares it with the champion on the same folds; if it fails, the champion stays, and the exit code is 3.
    """
    check_force(force, reason)
    settings = with_table_options(load_registry_settings(domain), decimal, rename)
    # a wrong class or a limit that is too small shows before a store is created
    settings.load_domain()
    # announced first: imports and the registry take seconds, in which consumers wait
    with announced_training(settings) as announcement:
        if unless_champion:
            if (champion := _champion(settings)) is not None:
                _show_champion(champion, as_json)
                return
            print_note(f"{settings.domain} has no champion: training one")
        if quick:
            from training import quick_settings

            settings = quick_settings(settings)
        result = _train(settings, data, models, announcement, promote=promote, override=reason, reports=report)
    if as_json:
        write_json(result.as_json())
    else:
        _show_result(result)
    if result.gate is not None and not result.gate.is_open:
        raise typer.Exit(KEPT_OUT)


def _show_result(result: TrainingResult) -> None:
    for problem in result.problems:
        print_note(f"left out: {problem}")
    stdout.print(_candidates(result))
    _show(result)


def _train(
    settings: Settings,
    data: str | None,
    models: str,
    announcement: RunningActivity,
    *,
    promote: bool,
    override: str,
    reports: Path,
) -> TrainingResult:
    """Train; `override` is the reason to force the promotion, empty to leave it to the gate."""
    with TrainingProgressBar("training") as bar:
        from training import Override, Trigger
        from training import train as run

        names = [name.strip() for name in models.split(",") if name.strip()]
        actor = current_actor()
        forced = Override(actor=actor, reason=override) if override else None
        trigger = Trigger("command line", override=forced, actor=actor)

        def progress(message: str) -> None:
            note_progress(announcement, message)
            bar(message)

        return run(settings, data, names, promote=promote, progress=progress, trigger=trigger, reports=reports)


def _champion(settings: Settings) -> ModelVersionInfo | None:
    from registry.location import tracking_uri_of
    from registry.store import Registry

    return Registry(tracking_uri_of(settings), settings.domain).find_champion()


def _show_champion(champion: ModelVersionInfo, as_json: bool) -> None:
    if as_json:
        write_json({"name": champion.name, "version": champion.version, "is_champion": True, "is_trained": False})
    else:
        name = f"version {champion.version} of {champion.name} ({champion.algorithm})"
        print_line(f"{name} is already champion: nothing to train")


def _candidates(result: TrainingResult) -> TerminalTable:
    columns = (
        TableColumn("MODEL", is_prose=True),
        *(TableColumn(head, is_number=True) for head in (result.metric.upper(), "SD", "COST (µs/row)")),
        TableColumn(""),
    )
    rows = []
    for one in result.candidates:
        note = "chosen" if one.name == result.algorithm else "" if one.is_affordable else "too slow"
        cost = "-" if one.us_per_row != one.us_per_row else f"{one.us_per_row:.1f}"
        rows.append((one.name, f"{one.mean:.4g}", f"{one.sd:.2g}", cost, note))
    return TerminalTable(columns, rows)


def _show(result: TrainingResult) -> None:
    test = ", ".join(
        f"{name.removeprefix('test_')} {value:.3f}" for name, value in result.metrics.items() if "test" in name
    )
    print_line(f"on {len(result.test_rows)} test rows: {test}")
    outcome = "is champion" if result.is_champion else "is registered but not promoted"
    if result.gate is not None and result.gate.failed:
        print_line(str(result.gate))
    print_line(f"version {result.version} of {result.name} ({result.algorithm}) {outcome}; {result.seconds:.0f} s")
    if not result.is_champion:
        print_line(f"see the gate's report: {spell_command(f'registry show {result.version}', result.name)}")
    else:
        at_once = spell_command("reload", result.name)
        print_line(f"a running system activates it within seconds, or at once with: {at_once}")
