"""MLflow, imported in one place: its environment, its noise, whether it answers, and its errors in our words."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from registry.location import make_room
from schemas.errors import RegistryUnavailableError
from transport.address import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

PATIENCE_S = 5
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # with a server it prints where to look to standard output, between the lines of a JSON document
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # by default it tries for four minutes before it says that nobody answers
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
_NOISY = ("mlflow", "alembic")


def prepare() -> None:
    """Import MLflow as this house wants it: without telemetry, impatient and quiet. What the user has set wins."""
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    import mlflow  # noqa: F401 - imported for its side effects on logging

    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def connect(tracking_uri: str) -> MlflowClient:
    """A client of that store.

    Raises:
        RegistryUnavailableError: it does not answer within some seconds.
        ConfigurationError: the folder of an SQLite store cannot be created.
    """
    make_room(tracking_uri)
    prepare()
    check_answers(tracking_uri)
    from mlflow import MlflowClient

    with speaking_to(tracking_uri):
        return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def check_answers(tracking_uri: str) -> None:
    """Ask a server for a sign of life; any HTTP answer is one.

    Raises:
        RegistryUnavailableError: there is none.
    """
    if not tracking_uri.startswith(("http://", "https://")):
        return
    import requests

    try:
        requests.get(f"{tracking_uri.rstrip('/')}/health", timeout=PATIENCE_S)
    except requests.RequestException as error:
        raise RegistryUnavailableError(
            f"MLflow at {without_password(tracking_uri)} does not answer ({type(error).__name__})"
        ) from error


@contextmanager
def speaking_to(tracking_uri: str) -> Iterator[None]:
    """Put MLflow's errors into our words.

    Raises:
        RegistryUnavailableError: MLflow failed, or answered that it cannot.
    """
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        yield
    except (MlflowException, RequestException) as error:
        first, *more = str(error).strip().splitlines() or [type(error).__name__]
        # an announcement says nothing without what it announces: the failures of a download, a full disk among them
        told = f"{first[:300]} {more[-1][:300]}" if more and first.endswith(":") else first[:300]
        shown = without_password(tracking_uri)
        raise RegistryUnavailableError(f"MLflow at {shown}: {told.replace(tracking_uri, shown)}") from error


def is_missing(error: BaseException | None) -> bool:
    """Whether MLflow said that there is no such thing."""
    from mlflow.exceptions import MlflowException

    # an alias that does not exist, or a version that is no number, is an invalid parameter to MLflow
    return isinstance(error, MlflowException) and error.error_code in {
        "RESOURCE_DOES_NOT_EXIST",
        "INVALID_PARAMETER_VALUE",
    }
