"""`tasador asyncapi`: prints the AsyncAPI document that the consumer serves."""

from __future__ import annotations

import json

from schemas.settings import load_settings
from tasador.cli.options import DomainOption
from tasador.cli.terminal import print_line

EXAMPLE = "tasador asyncapi --domain housing > asyncapi.json"


def asyncapi(domain: DomainOption = None) -> None:
    """Print the AsyncAPI document of a domain: every stream with its fields, units and ranges.

    A consumer serves the same document at /docs/asyncapi. Names are sorted, so that two documents can be compared.
    """
    settings = load_settings(domain=domain)
    # importing FastStream takes half a second
    from service.asyncapi import describe

    document = describe("consumer", settings.load_domain(), settings.streams).to_specification().to_jsonable()
    print_line(json.dumps(document, indent=2, sort_keys=True))
