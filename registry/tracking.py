"""Access to MLflow: its environment and log levels, reachability, and translation of its errors."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from registry.location import artifact_root_of, create_store_folder
from schemas.errors import RegistryUnavailableError
from transport.address import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

HEALTH_TIMEOUT_S = 5
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # MLflow would print a link to standard output, into the JSON that a command writes
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # by default it retries for four minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
_NOISY = ("mlflow", "alembic")


def configure() -> None:
    """Import MLflow without telemetry, with short timeouts and few logs. Variables set by the user win."""
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    import mlflow  # noqa: F401 - imported for its side effects on logging

    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def connect(tracking_uri: str) -> MlflowClient:
    """A client of that store.

    Raises:
        RegistryUnavailableError: it does not answer within `HEALTH_TIMEOUT_S`.
        ConfigurationError: the folder of an SQLite store cannot be created.
    """
    create_store_folder(tracking_uri)
    configure()
    check_reachable(tracking_uri)
    from mlflow import MlflowClient

    with translated_errors(tracking_uri):
        if (root := artifact_root_of(tracking_uri)) is not None:
            from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

            # makes MLflow's first experiment, whose folder would otherwise be below the current folder, and whose path
            # MLflow writes into SQL as it is, so that it must not contain a quote
            SqlAlchemyStore(tracking_uri, root)  # type: ignore[no-untyped-call]
        return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def check_reachable(tracking_uri: str) -> None:
    """Check that a server answers; any HTTP status will do.

    Raises:
        RegistryUnavailableError: it does not.
    """
    if not tracking_uri.startswith(("http://", "https://")):
        return
    import requests

    try:
        requests.get(f"{tracking_uri.rstrip('/')}/health", timeout=HEALTH_TIMEOUT_S)
    except requests.RequestException as error:
        raise RegistryUnavailableError(
            f"MLflow at {without_password(tracking_uri)} does not answer ({type(error).__name__})"
        ) from error


@contextmanager
def translated_errors(tracking_uri: str) -> Iterator[None]:
    """Translate MLflow's errors.

    Raises:
        RegistryUnavailableError: MLflow did not answer, or returned an error.
    """
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        yield
    except (MlflowException, RequestException) as error:
        first, *more = str(error).strip().splitlines() or [type(error).__name__]
        # a first line that ends in a colon only introduces the cause, such as a full disk during a download
        message = f"{first[:300]} {more[-1][:300]}" if more and first.endswith(":") else first[:300]
        shown = without_password(tracking_uri)
        raise RegistryUnavailableError(f"MLflow at {shown}: {message.replace(tracking_uri, shown)}") from error


def is_not_found(error: BaseException | None) -> bool:
    """Whether an error of MLflow means that a model, version or alias does not exist."""
    from mlflow.exceptions import MlflowException

    # to MLflow an unknown alias, or a version that is not a number, is an invalid parameter
    return isinstance(error, MlflowException) and error.error_code in {
        "RESOURCE_DOES_NOT_EXIST",
        "INVALID_PARAMETER_VALUE",
    }
