"""Reads training data from any source, without checking it. ``--data`` and params.yaml name a source in the same way.

============================  =================================================================
``homes.csv``                 a file in a format of `tables.opening`
``https://…``                 such a file from the web
``kaggle:owner/name[/file]``  a Kaggle dataset, or one of its files (``/versions/3`` after the name pins a version)
``uci:544``                   a dataset of the UCI repository
nothing                       the domain's built-in table
============================  =================================================================
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from schemas.domain import Domain
from schemas.errors import ConfigurationError, DataError
from schemas.sections import DomainSettings
from schemas.settings import Settings
from tables.frame import read_frame
from tables.options import Decimal, TableOptions
from training.data import download_cache, kaggle
from training.data.downloading import download, without_query
from training.data.provenance import Provenance, keep_provenance, provenance_of
from training.progress import Progress, discard_progress

if TYPE_CHECKING:
    import pandas as pd

KAGGLE, UCI, WEB = "kaggle:", "uci:", ("http://", "https://")


@dataclass(frozen=True, slots=True)
class RawTable:
    """Data as it was read.

    Attributes:
        frame: the rows of the source with cells as in the file, from `tables.frame`.
        source: of the data, for messages.
        provenance: of the data; None for a table made in memory.
        decimal: decimal separator of its numbers, if it was named.
    """

    frame: pd.DataFrame
    source: str
    provenance: Provenance | None = None
    decimal: Decimal | None = None

    def tags(self) -> dict[str, str]:
        """Tags for each version trained on the data."""
        return self.provenance.tags() if self.provenance else {}


def ingest(settings: Settings, source: str | Path | None = None, progress: Progress = discard_progress) -> RawTable:
    """Read training data, and store its provenance in the home folder, under ``data``.

    Args:
        settings: domain, home folder, and the limits of a download.
        source: as this module describes; by default the domain's source in params.yaml.
        progress: called with messages about the progress of a download.

    Raises:
        ConfigurationError: the source needs a package that is not installed.
        DataError: the source cannot be read, or the domain has no built-in table.
    """
    raw = read_source(settings, source, progress)
    if raw.provenance:
        keep_provenance(raw.provenance, download_cache.cache_folder(settings.home))
    return raw


def read_source(
    settings: Settings, source: str | Path | None = None, progress: Progress = discard_progress
) -> RawTable:
    """Read training data as `ingest` does, without storing its provenance."""
    listed = settings.domains.get(settings.domain, DomainSettings())
    source = source or listed.data
    if source is None:
        return _built_in(settings.load_domain())
    name, file = _fetch(settings, str(source), progress)
    options = TableOptions.from_settings(listed.table)
    try:
        frame, notes = read_frame(file, options)
    except DataError as error:
        # a copy in the cache has another name
        raise DataError(str(error).replace(str(file), name)) from error
    for note in notes:
        progress(note.replace(str(file), name))
    return RawTable(frame, name, provenance_of(frame, name, file), options.decimal)


def _built_in(domain: Domain) -> RawTable:
    rows = domain.contract.built_in_table()
    if not rows:
        raise DataError(
            f"domain {domain.name} has no built-in table: name a file with --data, or with `data` in params.yaml"
        )
    import pandas as pd

    frame, name = pd.DataFrame(rows), domain.contract.table_source
    return RawTable(frame, name, provenance_of(frame, name))


def _fetch(settings: Settings, source: str, progress: Progress) -> tuple[str, Path]:
    """The source's name for messages, and the file with its table."""
    folder = download_cache.cache_folder(settings.home)
    if source.startswith(KAGGLE):
        handle = kaggle.read_handle(source.removeprefix(KAGGLE))
        _require("kagglehub", source)
        progress(f"{source}: requesting the dataset from Kaggle")
        file = kaggle.fetch(handle, settings.sources, folder / "kaggle", progress)
        return source, download_cache.store_file(file, folder)
    if source.startswith(UCI):
        _require("ucimlrepo", source)
        from training.data import uci

        progress(f"{source}: requesting the dataset from the UCI repository")
        url = uci.find_url(source.removeprefix(UCI), settings.sources.timeout_s)
        return source, download(url, settings.sources, folder, progress)
    if source.lower().startswith(WEB):
        if not urlsplit(source).hostname or "@" in urlsplit(source).netloc:
            name = without_query(source).rpartition("@")[2]
            raise DataError(f"{name}: must have a host, and may not contain a password")
        return without_query(source), download(source, settings.sources, folder, progress)
    return source, Path(source)


def _require(package: str, source: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ConfigurationError(f"{source}: needs the package {package}: pip install tasador[sources]")
