"""`tasador rollout`: puts a challenger beside the champion, changes its share, and ends or promotes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer

from operations.command_sender import current_actor
from operations.rollouts import RolloutSender, read_rollout
from schemas.commands import AdjustRollout, StartRollout, StopRollout
from schemas.rollout_commands import RolloutAdjustData, RolloutStartData, RolloutStopData
from schemas.rollouts import RolloutMode
from tasador.cli.commands.reload import TimeoutOption, WaitOption, activate, open_sender
from tasador.cli.completions import complete_version
from tasador.cli.options import DomainOption, ForceOption, JsonOption, ReasonOption, check_force
from tasador.cli.terminal import print_line, stdout, write_json
from tasador.cli.views.rollout import describe_result, rollout_view
from tasador.machine.running_system import find_settings, open_redis
from transport.clock import now_ms
from transport.moments import parse_deadline

app = typer.Typer(
    help="Put a challenger beside the champion, and compare them while listings flow.\n\nIn a shadow the champion "
    "answers and the challenger scores too; in a canary or a split the challenger answers its share. A challenger that "
    "fails costs no listing its answer. docs/rollouts.md explains arms, guarantees and the verdict.",
    no_args_is_help=True,
)

ModeOption = Annotated[RolloutMode | None, typer.Option("--mode", help="shadow, canary or split.")]
ShareOption = Annotated[
    float | None, typer.Option("--share", min=0, max=1, help="Share of the listings that it concerns, above 0.")
]
UntilOption = Annotated[
    str | None, typer.Option("--until", help="When it ends by itself: 7d, 12h, or an ISO time in UTC.")
]
PairsOption = Annotated[
    bool | None, typer.Option("--pairs/--no-pairs", help="Whether both models score the listings that it concerns.")
]
RolloutReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]


@app.command(epilog="Example: tasador rollout start --version 7 --mode canary --share 0.1 --until 7d --wait")
def start(
    version: Annotated[str, typer.Option(help="Version of the challenger.", autocompletion=complete_version)],
    mode: ModeOption = None,
    share: ShareOption = None,
    until: UntilOption = None,
    pairs: PairsOption = None,
    salt: Annotated[
        str | None, typer.Option(help="Salt of the hash that chooses listings.", show_default="new")
    ] = None,
    steps: Annotated[bool, typer.Option("--steps", help="Follow `rollout.steps` of the settings.")] = False,
    reason: RolloutReasonOption = "",
    wait: WaitOption = False,
    timeout: TimeoutOption = 60.0,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a rollout. The worker tries the challenger first; one rollout runs at a time.

    By default a shadow concerns all listings, a canary 5 % of them, and a split half.
    """
    if steps and (mode or share):
        raise typer.BadParameter("--steps says mode and share")
    given = {"mode": mode, "share": share, "pairs": pairs, "salt": salt, "until": _deadline(until, domain)}
    data = {name: value for name, value in given.items() if value is not None}
    about = {"version": version, "follows_steps": steps, "reason": reason}
    command = StartRollout(actor=current_actor(), data=RolloutStartData.model_validate(data | about))
    _send(command, domain, timeout, wait=wait, as_json=as_json)


@app.command(epilog="Example: tasador rollout adjust --share 0.25 --wait")
def adjust(
    mode: ModeOption = None,
    share: ShareOption = None,
    until: UntilOption = None,
    pairs: PairsOption = None,
    reason: RolloutReasonOption = "",
    wait: WaitOption = False,
    timeout: TimeoutOption = 30.0,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change mode, share, pairs or end of the rollout. What it concerns stays so while the share grows."""
    given = {"mode": mode, "share": share, "pairs": pairs, "until": _deadline(until, domain)}
    data = {name: value for name, value in given.items() if value is not None}
    command = AdjustRollout(actor=current_actor(), data=RolloutAdjustData.model_validate(data | {"reason": reason}))
    _send(command, domain, timeout, wait=wait, as_json=as_json)


@app.command(epilog='Example: tasador rollout stop --reason "too slow" --wait')
def stop(
    reason: RolloutReasonOption = "",
    wait: WaitOption = False,
    timeout: TimeoutOption = 30.0,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the rollout: the champion answers all listings."""
    command = StopRollout(actor=current_actor(), data=RolloutStopData(reason=reason))
    _send(command, domain, timeout, wait=wait, as_json=as_json)


@app.command(epilog="Example: tasador rollout promote --wait")
def promote(
    force: ForceOption = False,
    reason: ReasonOption = "",
    wait: WaitOption = False,
    timeout: TimeoutOption = 60.0,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the challenger champion if it passes the gate, which ends the rollout."""
    check_force(force, reason)
    with _open(domain) as sender:
        command = sender.find_promotion(force=force, reason=reason, actor=current_actor())
    activate(command, domain, timeout, wait, as_json)


@app.command(epilog="Example: tasador rollout status")
def status(domain: DomainOption = None, as_json: JsonOption = False) -> None:
    """Show the rollout, and which consumers carry it out."""
    settings = find_settings(domain)
    with open_redis(settings) as client:
        found = read_rollout(client, settings.streams)
    if as_json:
        write_json(found.model_dump(mode="json"))
    else:
        stdout.print(rollout_view(found))


def _deadline(text: str | None, domain: str | None) -> datetime | None:
    if text is None:
        return None
    with open_redis(find_settings(domain)) as client:
        return parse_deadline(text, now_ms(client))


@contextmanager
def _open(domain: str | None) -> Iterator[RolloutSender]:
    settings = find_settings(domain)
    with open_redis(settings) as client:
        yield RolloutSender(client, settings.streams, settings.domain)


def _send(
    command: StartRollout | AdjustRollout | StopRollout,
    domain: str | None,
    timeout_s: float,
    *,
    wait: bool,
    as_json: bool,
) -> None:
    with open_sender(domain), _open(domain) as sender:
        result = sender.carry_out(command, timeout_s, wait=wait)
    if as_json:
        write_json(result.model_dump(mode="json", exclude_none=True))
    else:
        print_line(describe_result(result))
