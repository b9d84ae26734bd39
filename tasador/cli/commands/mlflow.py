"""`tasador mlflow`: serves MLflow's web page for the registry."""

from __future__ import annotations

import threading

from tasador.cli.options import DomainOption, JsonOption, PortOption
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note, stderr, write_json
from tasador.machine.running_system import load_registry_settings

EXAMPLE = "tasador mlflow"


def mlflow(port: PortOption = 0, domain: DomainOption = None, json: JsonOption = False) -> None:
    """Serve MLflow's web page for the registry until Ctrl-C.

    If TASADOR_MLFLOW_URI names an MLflow server, only print its address.
    """
    from registry.location import database_of, tracking_uri_of

    uri = tracking_uri_of(load_registry_settings(domain))
    if database_of(uri) is None:
        _show(uri, json)
        return
    from tasador.machine.tracking_server import serve_mlflow

    with interrupt_on_signals():
        try:
            with stderr.status("starting MLflow's server") as status, serve_mlflow(uri, port) as address:
                status.stop()
                _show(address, json)
                print_note("Ctrl-C stops it")
                threading.Event().wait()
        except KeyboardInterrupt:
            print_note("stopped")


def _show(address: str, as_json: bool) -> None:
    if as_json:
        write_json({"url": address})
    else:
        print_line(f"MLflow's page: {address}")
