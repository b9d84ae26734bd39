"""Where the registry lives: where the settings say, else SQLite and a folder of artifacts under the home folder."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlparse

from schemas.errors import ConfigurationError, ModelRejectedError
from schemas.settings import Settings

CACHE_FOLDER = "models"
_PROXIED = "mlflow-artifacts"
_RESOLVED = frozenset({"models", "runs"})
"""What the registry itself looks up."""


def tracking_uri_of(settings: Settings) -> str:
    """The tracking URI of these settings; ``sqlite:///<home>/mlflow.db`` where none is named."""
    return settings.mlflow_uri or f"sqlite:///{settings.home.absolute() / 'mlflow.db'}"


def cache_folder_of(settings: Settings) -> Path:
    """Where consumers on this machine keep the models they fetched."""
    return settings.home.absolute() / CACHE_FOLDER


def database_of(tracking_uri: str) -> Path | None:
    """The file of an SQLite store, None for any other store."""
    if not tracking_uri.startswith("sqlite:///"):
        return None
    return Path(tracking_uri.removeprefix("sqlite:///").partition("?")[0])


def artifacts_of(tracking_uri: str) -> str | None:
    """Where an SQLite store's artifacts go, as a file URI beside the database; a server decides for itself (None).

    Left to MLflow they would land in the folder in which the command happened to be started.
    """
    database = database_of(tracking_uri)
    return None if database is None else (database.absolute().parent / "artifacts").as_uri()


def make_room(tracking_uri: str) -> None:
    """Create the folder of an SQLite store.

    Raises:
        ConfigurationError: it cannot be created.
    """
    database = database_of(tracking_uri)
    if database is None:
        return
    try:
        database.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{database.parent}: cannot be created: {error.strerror}") from error


def local_path_of(uri: str) -> Path | None:
    """The local path that an artifact URI names (a path or a file URI), None where it lies elsewhere."""
    parsed = urlparse(uri)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    return Path(uri) if not parsed.scheme else None


def check_belongs(uri: str, tracking_uri: str) -> None:
    """Check that an artifact lies in this registry: whoever may write the desired model must not choose another.

    With SQLite, models lie in the folder of artifacts beside the database. With a server, they come from that server.

    Raises:
        ModelRejectedError: ("location") it lies elsewhere, or its path climbs.
    """
    parsed = urlparse(uri)
    if ".." in unquote(parsed.path).split("/"):
        raise ModelRejectedError("location", f"the model is said to lie at {uri}, a path that climbs")
    local, root = local_path_of(uri), artifacts_of(tracking_uri)
    if local is not None:
        folder = local_path_of(root) if root else None
        is_ours = folder is not None and local.resolve().is_relative_to(folder.resolve())
    elif parsed.scheme == _PROXIED:
        is_ours = parsed.netloc in {"", urlparse(tracking_uri).netloc.rpartition("@")[2]}
    else:
        is_ours = parsed.scheme in _RESOLVED
    if not is_ours:
        raise ModelRejectedError("location", f"the model is said to lie at {uri}, which is not in the registry")
