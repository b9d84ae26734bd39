"""`tasador keys`: makes, lists and revokes the API keys of the gateway."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from operations.keys import add_key, list_keys, revoke_key
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_line, print_note, write_json
from tasador.machine.running_system import find_settings, open_redis

app = typer.Typer(
    help="Make, list and revoke API keys of the gateway.\n\nA key is for one domain. With the first one, the gateway "
    "asks every caller of that domain for a key, and may listen beyond loopback.",
    no_args_is_help=True,
)

KeyNameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is; part of the listings' source.")]


@app.command(epilog="Example: tasador keys add web-shop --role client")
def add(
    name: KeyNameArgument,
    role: Annotated[
        Literal["client", "operator"],
        typer.Option(help="A client scores and reports outcomes; an operator also reloads models."),
    ] = "client",
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it, once: only its SHA-256 is stored."""
    settings = find_settings(domain)
    with open_redis(settings) as client:
        key = add_key(client, settings.streams, name, role)
    if as_json:
        write_json({"name": name, "role": role, "domain": settings.domain, "key": key})
        return
    print_line(key)
    print_note(f"this is the only time that the key is shown; callers send it in the header X-API-Key ({role})")


@app.command("list", epilog="Example: tasador keys list")
def list_(domain: DomainOption = None, as_json: JsonOption = False) -> None:
    """List the keys: name, role, and when each was made."""
    settings = find_settings(domain)
    with open_redis(settings) as client:
        keys = list_keys(client, settings.streams)
    if as_json:
        write_json([key.model_dump(mode="json", exclude={"sha256"}) for key in keys])
    elif not keys:
        print_line(f"no keys: the gateway serves {settings.domain} on loopback alone, to everyone there")
    else:
        widest = max(len(key.name) for key in keys)
        for key in keys:
            print_line(f"{key.name:<{widest}}  {key.role:<8}  {key.created:%Y-%m-%d %H:%M} UTC")


@app.command(epilog="Example: tasador keys revoke web-shop")
def revoke(name: KeyNameArgument, domain: DomainOption = None, as_json: JsonOption = False) -> None:
    """Revoke a key; every gateway refuses it within a second."""
    settings = find_settings(domain)
    with open_redis(settings) as client:
        revoke_key(client, settings.streams, name)
    if as_json:
        write_json({"name": name, "domain": settings.domain})
    else:
        print_line(f"the key {name} of {settings.domain} is revoked")
