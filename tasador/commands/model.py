"""`tasador model`: what the registry knows about a model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tasador.console import out, write_json
from tasador.options import DomainOption, JsonOption
from tasador.shelf import registry_settings

EXAMPLE = "tasador model --alias previous_champion"


def model(
    version: Annotated[str | None, typer.Option(help="A version, instead of what an alias names.")] = None,
    alias: Annotated[str, typer.Option(help="An alias.")] = "champion",
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a registered model: the champion, unless a version or an alias is named."""
    from registry.location import tracking_uri_of
    from registry.store import Registry

    settings = registry_settings(domain)
    features = settings.load_domain().columns
    found = Registry(tracking_uri_of(settings), settings.domain).resolve(version=version, alias=alias)
    if as_json:
        write_json(asdict(found) | {"features": features})
        return
    rows = {
        "name": found.name,
        "version": found.version,
        "aliases": ", ".join(found.aliases) or "-",
        "status": found.status,
        "algorithm": found.algorithm,
        "trained at": found.trained_at,
        "features": ", ".join(features),
        "data": f"sha256 {found.data_sha256}",
        "digest": f"sha256 {found.digest}",
        "stored at": found.uri,
        **{name: f"{value:.4g}" for name, value in sorted(found.metrics.items()) if "/" not in name},
    }
    width = max(map(len, rows)) + 2
    for name, value in rows.items():
        out.out(f"{name:<{width}}{value}", highlight=False)
