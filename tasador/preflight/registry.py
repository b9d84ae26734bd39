"""Checks that the registry answers and that its champion can be loaded here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from registry.location import cache_folder_of, database_of, tracking_uri_of
from schemas.command_line import spell_command
from schemas.errors import ModelNotFoundError, RegistryUnavailableError, TasadorError
from schemas.settings import Settings
from tasador.preflight.finding import Finding
from transport.address import without_password

_finding = partial(Finding, "registry")


def check_registry(settings: Settings) -> Iterator[Finding]:
    """Check the registry of the settings; a store that does not exist is not created."""
    uri = tracking_uri_of(settings)
    shown, database = without_password(uri), database_of(uri)
    if database is not None and not database.exists():
        yield _finding(
            "warning",
            f"{shown}: does not exist yet",
            f"`{spell_command('train', settings.domain)}` or `tasador up` creates it",
        )
        return
    # importing these takes four seconds
    from registry.cache import ModelCache
    from registry.loading import load_scorer
    from registry.store import Registry

    try:
        info = Registry(uri, settings.domain).resolve()
    except ModelNotFoundError as error:
        yield _finding("ok", f"MLflow at {shown} answers")
        yield _finding("warning", str(error), spell_command("train", settings.domain))
        return
    except RegistryUnavailableError as error:
        yield _finding(
            "error", str(error), "start MLflow, or correct TASADOR_MLFLOW_URI or the server's --allowed-hosts"
        )
        return
    yield _finding("ok", f"MLflow at {shown} answers")
    try:
        folder = ModelCache(cache_folder_of(settings), uri).fetch(info.desired("0-0"))
        load_scorer(folder, settings.load_domain())
    except TasadorError as error:
        what = f"the champion, version {info.version}, cannot be loaded: {error}"
        yield _finding(
            "error", what, f"{spell_command('train', settings.domain)}, or {spell_command('rollback', settings.domain)}"
        )
    else:
        yield _finding("ok", f"the champion, version {info.version}, loads and passes its checks")
