"""`tasador shards`: shows how many shards a domain has, and changes it."""

from __future__ import annotations

from typing import Annotated

import typer

from operations.resharding import Resharding
from operations.shard_status import ShardsStatus, read_shards, wait_for_consumers
from schemas.errors import NotConfirmedError
from schemas.shards import MAX_SHARDS
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_line, print_note, write_json
from tasador.machine.running_system import find_settings, open_redis

app = typer.Typer(
    help="Show how many shards a domain has, or change it.\n\nListings are spread over shards, whose keys may lie on "
    "different servers of a Redis Cluster. Publishers, consumers and all who read answers follow a change.",
    no_args_is_help=True,
)


@app.command("set", epilog="Example: tasador shards set 4 --wait")
def set_(
    count: Annotated[int, typer.Argument(metavar="N", min=1, max=MAX_SHARDS, help="How many shards there are to be.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until every live consumer has read it.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, help="Seconds that what was published may take to be answered.")
    ] = 60.0,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change the number while listings arrive: publishers wait until all that was published is answered.

    If that takes too long, or the command is stopped, nothing is changed and publishers go on.
    """
    settings = find_settings(domain)
    with open_redis(settings) as client:
        resharding = Resharding(client, settings.streams, settings.domain, settings.dedup_seconds, timeout, print_note)
        done = resharding.set(count)
        if wait and (missing := wait_for_consumers(client, settings.streams, done.after.epoch, timeout)):
            names = ", ".join(missing)
            raise NotConfirmedError(f"the domain has {count} shards, which {names} did not read within {timeout:g} s")
    if as_json:
        write_json(done.model_dump())
    elif done.before == done.after:
        print_line(f"{settings.domain} has {_shards(count)} already")
    else:
        print_line(
            f"{settings.domain} has {_shards(count)} instead of {done.before.count}; publishers waited for "
            f"{done.held_s:.1f} s, {done.identities:,} identities were added to other shards"
        )


@app.command(epilog="Example: tasador shards status")
def status(domain: DomainOption = None, as_json: JsonOption = False) -> None:
    """Show each shard: its backlog, and the consumer whose own it is."""
    settings = find_settings(domain)
    with open_redis(settings) as client:
        shown = read_shards(client, settings.streams)
    if as_json:
        write_json(shown.model_dump())
        return
    _show(shown, settings.domain)


def _show(shown: ShardsStatus, domain: str) -> None:
    print_line(f"{domain} has {_shards(shown.count)}")
    if shown.is_changing:
        print_line("the number is being changed: publishers wait")
    if shown.missing:
        print_line(f"not read yet by {', '.join(shown.missing)}")
    for shard in shown.shards:
        backlog = f"{shard.backlog.undelivered:,} undelivered, {shard.backlog.pending:,} pending"
        role = "" if shard.gets_listings else ", gets no listings"
        print_line(f"shard {shard.shard:<3} {backlog}{role}; own consumer: {', '.join(shard.consumers) or 'none'}")


def _shards(count: int) -> str:
    return "1 shard" if count == 1 else f"{count} shards"
