"""Where training data comes from, in one grammar for ``--data`` and params.yaml. Nothing is checked here.

============================  =================================================================
``homes.csv``                 a CSV or Parquet file
``https://…``                 the same from the web
``kaggle:owner/name[/file]``  a Kaggle dataset, or one of its files (``/versions/3`` after the name pins one)
``uci:544``                   a dataset of the UCI repository
nothing                       the table that comes with the domain
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
from training.data import download_cache, kaggle
from training.data.downloading import download, shown
from training.data.provenance import Provenance, keep_provenance, provenance_of
from training.data.reading import read_table
from training.progress import Progress, silent

if TYPE_CHECKING:
    import pandas as pd

KAGGLE, UCI, WEB = "kaggle:", "uci:", ("http://", "https://")


@dataclass(frozen=True, slots=True)
class RawTable:
    """Data as it came.

    Attributes:
        frame: one row for each row of the source; text where the source holds text, None or NaN where nothing.
        source: where it came from, for people.
        provenance: what exactly came; None for what never was read from anywhere.
    """

    frame: pd.DataFrame
    source: str
    provenance: Provenance | None = None

    def tags(self) -> dict[str, str]:
        """What is noted of it on each version that is learnt from it."""
        return self.provenance.tags() if self.provenance else {}


def ingest(settings: Settings, source: str | Path | None = None, progress: Progress = silent) -> RawTable:
    """Read training data, and keep its provenance in the home folder, under ``data``.

    Args:
        settings: which domain, where the home folder is, and the limits of a download.
        source: as this module says; by default what params.yaml says of the domain.
        progress: is told how far a download is.

    Raises:
        ConfigurationError: the source needs a package that is not installed.
        DataError: it cannot be read, or the domain comes without data.
    """
    raw = read_source(settings, source, progress)
    if raw.provenance:
        keep_provenance(raw.provenance, download_cache.shelf_of(settings.home))
    return raw


def read_source(settings: Settings, source: str | Path | None = None, progress: Progress = silent) -> RawTable:
    """As `ingest`, and leave nothing behind but what was downloaded."""
    listed = settings.domains.get(settings.domain, DomainSettings())
    wanted = source or listed.data
    if wanted is None:
        return _built_in(settings.load_domain())
    name, file = _fetch(settings, str(wanted), progress)
    frame = read_table(file, name)
    return RawTable(frame, name, provenance_of(frame, name, file))


def _built_in(domain: Domain) -> RawTable:
    rows = domain.contract.built_in_table()
    if not rows:
        raise DataError(f"domain {domain.name} comes without data: name a file with --data, or `data` in params.yaml")
    import pandas as pd

    frame, name = pd.DataFrame(rows), domain.contract.table_source
    return RawTable(frame, name, provenance_of(frame, name))


def _fetch(settings: Settings, source: str, progress: Progress) -> tuple[str, Path]:
    """What to call the source, and the file that holds its table."""
    folder = download_cache.shelf_of(settings.home)
    if source.startswith(KAGGLE):
        handle = kaggle.read_handle(source.removeprefix(KAGGLE))
        _need("kagglehub", source)
        progress(f"{source}: asking Kaggle")
        return source, download_cache.put(kaggle.fetch(handle, settings.sources, folder / "kaggle", progress), folder)
    if source.startswith(UCI):
        _need("ucimlrepo", source)
        from training.data import uci

        progress(f"{source}: asking the UCI repository")
        url = uci.find_url(source.removeprefix(UCI), settings.sources.timeout_s)
        return source, download(url, settings.sources, folder, progress)
    if source.lower().startswith(WEB):
        if not urlsplit(source).hostname or "@" in urlsplit(source).netloc:
            raise DataError(f"{shown(source).rpartition('@')[2]}: needs a host, and may not hold a password")
        return shown(source), download(source, settings.sources, folder, progress)
    return source, Path(source)


def _need(package: str, source: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ConfigurationError(f"{source}: needs the package {package}: pip install tasador[sources]")
