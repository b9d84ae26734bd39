"""The settings of the audit log."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from schemas.sections import Section


class ArchiveSettings(Section):
    """The audit log."""

    is_on: bool = Field(default=True, description="whether the monitor writes the audit log")
    folder: str | None = Field(
        None, description="its folder, or an s3://, gs:// or az:// URL; `archive` in the home folder by default"
    )
    rows_per_file: PositiveInt = Field(10_000, description="largest number of rows in a file")
    flush_s: PositiveFloat = Field(60.0, description="time after which a file is written even if not full, in s")
    keep_days: PositiveInt = Field(365, description="number of days that are kept")

    @field_validator("folder")
    @classmethod
    def _is_reachable(cls, folder: str | None) -> str | None:
        scheme, separator, place = (folder or "").partition("://")
        if separator and (scheme not in {"s3", "gs", "az"} or not place.strip("/")):
            raise ValueError(f"{folder} is neither a path nor an s3://, gs:// or az:// URL with a bucket")
        return folder
