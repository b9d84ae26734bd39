"""Finds the folder of a domain's audit log."""

from __future__ import annotations

from pathlib import Path

from monitoring.archive.folder import ArchiveFolder
from schemas.settings import Settings


def archive_of(settings: Settings) -> ArchiveFolder:
    """The audit log of the domain in the settings: one folder for each prefix, because each has its own streams.

    Raises:
        ConfigurationError: it is in an object store whose package is not installed.
    """
    name, folder = settings.prefix or settings.domain, settings.archive.folder
    if folder is not None and "://" in folder:
        return ArchiveFolder(f"{folder.rstrip('/')}/{name}")
    return ArchiveFolder((Path(folder) if folder else settings.home / "archive").absolute() / name)
