"""Finds the folder of a domain's audit log."""

from __future__ import annotations

from monitoring.archive.folder import ArchiveFolder
from schemas.settings import Settings


def archive_of(settings: Settings) -> ArchiveFolder:
    """The audit log of the domain in the settings: one folder for each prefix, because each has its own streams."""
    archive = settings.archive
    root = archive.folder or settings.home / "archive"
    return ArchiveFolder(root.absolute() / (settings.prefix or settings.domain))
