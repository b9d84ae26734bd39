"""`tasador mlflow`: serves MLflow's web page for the registry."""

from __future__ import annotations

import threading

from tasador.cli.options import DomainOption, JsonOption, PortOption
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note, stderr, write_json
from tasador.machine.running_system import load_registry_settings

EXAMPLE = "tasador mlflow"

_TIMEOUT_S = 5


def mlflow(port: PortOption = 0, domain: DomainOption = None, json: JsonOption = False) -> None:
    """Serve MLflow's web page for the registry until Ctrl-C, and print the address of the domain's experiment.

    If TASADOR_MLFLOW_URI names an MLflow server, only print the address there.
    """
    from registry.location import database_of, tracking_uri_of

    settings = load_registry_settings(domain)
    uri = tracking_uri_of(settings)
    if database_of(uri) is None:
        _show(uri, settings.domain, json)
        return
    from service.application import bind
    from tasador.machine.ports import LOOPBACK
    from tasador.machine.tracking_server import serve_mlflow

    if port:
        # MLflow's server reports this only in its log, and another program on the port might answer in its place
        bind(port, LOOPBACK).close()
    with interrupt_on_signals():
        try:
            with stderr.status("starting MLflow's server") as status, serve_mlflow(uri, port) as address:
                status.stop()
                _show(address, settings.domain, json)
                print_note("Ctrl-C stops it")
                threading.Event().wait()
        except KeyboardInterrupt:
            print_note("stopped")


def _show(address: str, domain: str, as_json: bool) -> None:
    page = _find_experiment_page(address, domain)
    if as_json:
        write_json({"url": address} | ({"experiment_url": page} if page else {}))
    else:
        print_line(f"MLflow's page: {page or address}")


def _find_experiment_page(address: str, domain: str) -> str | None:
    """The address of the domain's experiment; None if there is none yet, or the server does not say."""
    import requests

    try:
        answer = requests.get(
            f"{address.rstrip('/')}/api/2.0/mlflow/experiments/get-by-name",
            {"experiment_name": domain},
            timeout=_TIMEOUT_S,
        )
        answer.raise_for_status()
        return f"{address.rstrip('/')}/#/experiments/{answer.json()['experiment']['experiment_id']}"
    except (requests.RequestException, KeyError):
        return None
