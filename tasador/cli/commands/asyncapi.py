"""`tasador asyncapi`: the description of a domain's streams, as the consumer serves it."""

from __future__ import annotations

import json

from schemas.settings import load_settings
from tasador.cli.options import DomainOption
from tasador.cli.terminal import out

EXAMPLE = "tasador asyncapi --domain housing > asyncapi.json"


def asyncapi(domain: DomainOption = None) -> None:
    """Print the AsyncAPI document of a domain: every stream with its fields, units and ranges.

    It is what a consumer shows at /docs/asyncapi. Names are sorted, so that two documents can be compared.
    """
    settings = load_settings(domain=domain)
    # FastStream takes half a second
    from service.asyncapi import describe

    document = describe("consumer", settings.load_domain(), settings.streams).to_specification().to_jsonable()
    out.out(json.dumps(document, indent=2, sort_keys=True), highlight=False)
