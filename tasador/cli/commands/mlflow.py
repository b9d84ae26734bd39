"""`tasador mlflow`: MLflow's page on the same store."""

from __future__ import annotations

import threading

from tasador.cli.options import DomainOption, JsonOption, PortOption
from tasador.cli.signals import interrupted_when_told
from tasador.cli.terminal import err, out, write_json
from tasador.machine.registry_settings import registry_settings

EXAMPLE = "tasador mlflow"


def mlflow(port: PortOption = 0, domain: DomainOption = None, json: JsonOption = False) -> None:
    """Open MLflow's page on the store that everything else uses, until Ctrl-C.

    Where MLflow runs as a server, its address is told, and that is all.
    """
    from registry.location import database_of, tracking_uri_of

    uri = tracking_uri_of(registry_settings(domain))
    if database_of(uri) is None:
        _tell(uri, json)
        return
    from tasador.machine.tracking_server import serving_mlflow

    with interrupted_when_told():
        try:
            with err.status("starting MLflow's server") as status, serving_mlflow(uri, port) as address:
                status.stop()
                _tell(address, json)
                err.print("Ctrl-C stops it", highlight=False)
                threading.Event().wait()
        except KeyboardInterrupt:
            err.print("stopped", highlight=False)


def _tell(address: str, as_json: bool) -> None:
    if as_json:
        write_json({"url": address})
    else:
        out.print(f"MLflow's page: {address}", highlight=False, soft_wrap=True)
