"""The locations of the registry: tracking URI, artifact folder, cache folder, and which artifact URIs belong to it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote, urlparse

from schemas.errors import ConfigurationError, ModelRejectedError
from schemas.settings import Settings

CACHE_FOLDER = "models"
_SQLITE = "sqlite:///"
_SQLITE_QUOTED = "sqlite+pysqlite:///"
_NOT_PLAIN = frozenset("%?#@{}")
"""Characters that mean something in a URI, in the template that Optuna makes of one, or to what masks passwords."""
_PROXIED = "mlflow-artifacts"
_RESOLVED = frozenset({"models", "runs"})
"""URI schemes that the registry itself resolves."""


def tracking_uri_of(settings: Settings) -> str:
    """The tracking URI of these settings; ``sqlite:///<home>/mlflow.db`` by default."""
    return settings.mlflow_uri or sqlite_uri_of(settings.home.absolute() / "mlflow.db")


def sqlite_uri_of(database: Path) -> str:
    """The URI of an SQLite database, with any character in its absolute path.

    SQLAlchemy decodes the path of a URI. MLflow does not, and would create a folder of the quoted name beside the real
    one, but only for a URI that begins with ``sqlite:///``: hence the name of the driver before a quoted path.
    """
    path = str(database)
    is_plain = path.isprintable() and not _NOT_PLAIN & set(path)
    return f"{_SQLITE}{path}" if is_plain else f"{_SQLITE_QUOTED}{quote(path)}"


def cache_folder_of(settings: Settings) -> Path:
    """The folder in which consumers on this machine cache models."""
    return settings.home.absolute() / CACHE_FOLDER


def database_of(tracking_uri: str) -> Path | None:
    """The file of an SQLite store, None for any other store."""
    if not tracking_uri.startswith((_SQLITE, _SQLITE_QUOTED)):
        return None
    return Path(unquote(tracking_uri.partition(":///")[2].partition("?")[0]))


def artifact_root_of(tracking_uri: str) -> str | None:
    """The artifact folder of an SQLite store, as a file URI beside the database; None for a server, which has its own.

    MLflow's default would be the current folder.
    """
    database = database_of(tracking_uri)
    return None if database is None else (database.absolute().parent / "artifacts").as_uri()


def create_store_folder(tracking_uri: str) -> None:
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
    """The local path of an artifact URI (a path or a file URI); None for other schemes."""
    parsed = urlparse(uri)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    return Path(uri) if not parsed.scheme else None


def check_location(uri: str, tracking_uri: str) -> None:
    """Check that an artifact is in this registry, so that the desired model cannot name an artifact from elsewhere.

    With SQLite, models are in the artifact folder beside the database. With a server, they come from that server.

    Raises:
        ModelRejectedError: ("location") it is elsewhere, or its path contains `..`.
    """
    parsed, local, root = urlparse(uri), local_path_of(uri), artifact_root_of(tracking_uri)
    if ".." in (unquote(parsed.path).split("/") if local is None else local.parts):
        raise ModelRejectedError("location", f"the model's URI {uri} contains '..'")
    if local is not None:
        folder = local_path_of(root) if root else None
        is_inside = folder is not None and local.resolve().is_relative_to(folder.resolve())
    elif parsed.scheme == _PROXIED:
        is_inside = parsed.netloc in {"", urlparse(tracking_uri).netloc.rpartition("@")[2]}
    else:
        is_inside = parsed.scheme in _RESOLVED
    if not is_inside:
        raise ModelRejectedError("location", f"the model's URI {uri} is not in the registry")
