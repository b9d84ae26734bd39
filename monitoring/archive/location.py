"""Where the audit log of a domain lies."""

from __future__ import annotations

from monitoring.archive.folder import ArchiveFolder
from schemas.settings import Settings


def archive_of(settings: Settings) -> ArchiveFolder:
    """The audit log of the chosen domain: a folder for each prefix, since each has streams of its own."""
    archive = settings.archive
    root = archive.folder or settings.home / "archive"
    return ArchiveFolder(root.absolute() / (settings.prefix or settings.domain))
