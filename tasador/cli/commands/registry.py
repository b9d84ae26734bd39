"""`tasador registry`: lists, compares and promotes registered versions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.stages import ALIAS_OF, CHAMPION, Stage
from tasador.cli.commands.reload import TimeoutOption, WaitOption, activate
from tasador.cli.commands.rollback import rollback
from tasador.cli.completions import complete_version
from tasador.cli.options import DomainOption, ForceOption, JsonOption, ReasonOption, VersionArgument, check_force
from tasador.cli.serving import find_serving, find_servings
from tasador.cli.staging import make_challenger
from tasador.cli.terminal import print_line, stdout, write_json
from tasador.machine.running_system import load_registry_settings

if TYPE_CHECKING:
    from registry.store import Registry
    from schemas.settings import Settings

EXAMPLE = "tasador registry versions"

app = typer.Typer(
    help="List, compare and promote registered versions.\n\nStages stand for aliases: Production for champion, "
    "Staging for challenger, Archived for the previous champion or a version tagged as archived, None for any other.",
    no_args_is_help=True,
)


@app.command("list", epilog="Example: tasador registry list")
def list_(domain: DomainOption = None, as_json: JsonOption = False) -> None:
    """List the registered models of all domains."""
    from registry.catalogue import list_models
    from registry.location import tracking_uri_of
    from tasador.cli.views.registry import models_table, nothing_registered

    settings = load_registry_settings(domain)
    models = list_models(tracking_uri_of(settings))
    servings = find_servings(settings, [model.name for model in models])
    if as_json:
        documents = [(asdict(model), servings.get(model.name)) for model in models]
        write_json([one | (serving.model_dump(exclude={"champion"}) if serving else {}) for one, serving in documents])
    else:
        stdout.print(models_table(models, servings) if models else nothing_registered(settings.domain))


@app.command(epilog=f"Example: {EXAMPLE}")
def versions(domain: DomainOption = None, as_json: JsonOption = False) -> None:
    """List the versions of a model, newest first."""
    from registry.catalogue import versions_with_metrics
    from tasador.cli.views.registry import document, nothing_registered, versions_table

    settings, registry = _open(domain)
    infos = versions_with_metrics(registry)
    serving = find_serving(settings)
    if as_json:
        write_json([document(info, serving) for info in infos])
    elif infos:
        stdout.print(versions_table(infos, serving=serving))
    else:
        stdout.print(nothing_registered(settings.domain))


@app.command(epilog="Example: tasador registry show 7")
def show(
    version: Annotated[
        str,
        typer.Argument(
            metavar="VERSION",
            help="A version's number, or an alias.",
            show_default=True,
            autocompletion=complete_version,
        ),
    ] = CHAMPION,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a version, and the gate's report on it."""
    from registry.gate_reports import read_gate_report
    from tasador.cli.views.registry import document, gate_table, lines

    settings, registry = _open(domain)
    features = settings.load_domain().columns
    info = registry.resolve(version=version) if version.isdigit() else registry.resolve(alias=version)
    verdict, serving = read_gate_report(registry, info), find_serving(settings)
    if as_json:
        more = {"features": features, "gate": verdict, "why_no_form": info.why_no_form}
        write_json(document(info, serving) | more)
        return
    for line in lines(info, features, serving):
        print_line(line)
    if verdict is not None:
        stdout.print()
        stdout.print(gate_table(verdict))


@app.command(epilog="Example: tasador registry compare 6 7")
def compare(
    first: Annotated[str, typer.Argument(metavar="V1", help="A version's number.", autocompletion=complete_version)],
    second: Annotated[
        str, typer.Argument(metavar="V2", help="Another version's number.", autocompletion=complete_version)
    ],
    html: Annotated[
        Path | None, typer.Option(help="Also write a page, with the rows that differ most, and why.")
    ] = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the metrics of two versions, and their folds if both were evaluated on the same rows and folds."""
    from tasador.cli.views.registry import compare_folds, comparison_table, document

    settings, registry = _open(domain)
    infos = registry.resolve(version=first), registry.resolve(version=second)
    folds = compare_folds(registry, settings, *infos)
    if html is not None:
        from tasador.cli.pages import write_page
        from tasador.comparing.page import comparison_page

        write_page(html, comparison_page(registry, settings, *infos))
    if as_json:
        write_json({"versions": [document(info) for info in infos], "folds": asdict(folds) if folds else None})
        return
    stdout.print(comparison_table(*infos))
    if folds is None:
        print_line("no comparison by folds: the versions were not evaluated on the same rows and folds")
        return
    gain = f"{folds.gain:+.1%} (95 % interval {folds.low:+.1%} to {folds.high:+.1%}, corrected)"
    print_line(f"version {second} against {first} on the same {folds.folds} folds: {gain}, better in {folds.won:.0%}")


@app.command(epilog="Example: tasador registry best --metric test_mae")
def best(
    metric: Annotated[
        str | None, typer.Option(help="Metric, as `show` lists it.", show_default="cv_rmse, or cv_accuracy of classes")
    ] = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the version with the best value of a metric."""
    from registry.catalogue import best_version
    from tasador.cli.views.registry import document, versions_table

    settings, registry = _open(domain)
    by = metric or ("cv_accuracy" if settings.load_domain().target.classes else "cv_rmse")
    info = best_version(registry, by)
    if as_json:
        write_json(document(info) | {"metric": by, "value": info.metrics[by]})
    else:
        stdout.print(versions_table([info], by))


@app.command(epilog='Example: tasador registry promote 7 --force --reason "the champion leaks"')
def promote(
    version: VersionArgument,
    stage: Annotated[Stage, typer.Argument(metavar="[STAGE]", help="Production, Staging, Archived or None.")] = (
        Stage.PRODUCTION
    ),
    force: ForceOption = False,
    reason: ReasonOption = "",
    wait: WaitOption = False,
    timeout: TimeoutOption = 30.0,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move a version to a stage.

    For Production, the training worker's gate compares the version with the champion. For Staging, the version must
    load and pass the gate's absolute limits; it is not compared with the champion.
    """
    check_force(force, reason)
    if stage is Stage.PRODUCTION:
        from operations.command_sender import current_actor
        from schemas.commands import Promote, PromoteData

        data = PromoteData(version=version, force=force, reason=reason)
        activate(Promote(actor=current_actor(), data=data), domain, timeout, wait, as_json)
        return
    settings, registry = _open(domain)
    if stage is Stage.STAGING:
        make_challenger(settings, registry, version, reason)
    else:
        from registry.aliases import retire

        retire(registry, version, stage)
    _show_stage(registry, version, as_json)


@app.command(epilog="Example: tasador registry alias 7 baseline")
def alias(
    version: VersionArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The alias.")],
    wait: WaitOption = False,
    timeout: TimeoutOption = 30.0,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Point an alias to a version. The aliases champion and challenger are promotions and go through the gate."""
    for stage, known in ALIAS_OF.items():
        if name == known:
            promote(version, stage, wait=wait, timeout=timeout, domain=domain, as_json=as_json)
            return
    from registry.aliases import set_user_alias

    _, registry = _open(domain)
    set_user_alias(registry, name, version)
    _show_stage(registry, version, as_json)


@app.command(epilog="Example: tasador registry delalias baseline")
def delalias(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The alias.")],
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete an alias."""
    from registry.aliases import delete_user_alias

    _, registry = _open(domain)
    delete_user_alias(registry, name)
    if as_json:
        write_json({"alias": name, "version": None})
    else:
        print_line(f"deleted the alias {name}")


app.command("rollback", epilog="Example: tasador registry rollback --wait")(rollback)


def _open(domain: str | None) -> tuple[Settings, Registry]:
    from registry.location import tracking_uri_of
    from registry.store import Registry

    settings = load_registry_settings(domain)
    return settings, Registry(tracking_uri_of(settings), settings.domain)


def _show_stage(registry: Registry, version: str, as_json: bool) -> None:
    from tasador.cli.views.registry import document

    info = registry.resolve(version=version)
    if as_json:
        write_json(document(info))
    else:
        aliases = f", aliases {', '.join(info.aliases)}" if info.aliases else ""
        print_line(f"version {version} of {info.name} is in stage {info.stage}{aliases}")
