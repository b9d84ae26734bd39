"""The demo's models: one that scores first and one to swap to, both trained on the built-in table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.location import tracking_uri_of
from registry.stages import CHAMPION
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.settings import Settings
from training import find_test_rows, ingest, quick_settings, train, validate

if TYPE_CHECKING:
    import pandas as pd

SECOND_RECIPE = "xgboost-reference"


@dataclass(frozen=True, slots=True)
class DemoModels:
    """The models of the demo, and the table they were trained on.

    Attributes:
        table: the built-in table, one row for each listing.
        versions: trained on that table; the champion first, then newest first.
    """

    table: pd.DataFrame
    versions: tuple[ModelVersionInfo, ...]

    def other_than(self, version: str) -> ModelVersionInfo:
        """The first version other than this one."""
        return next(info for info in self.versions if info.version != version)

    def algorithm_of(self, version: str) -> str:
        """The recipe of a version."""
        return next(info.algorithm for info in self.versions if info.version == version)


def prepare_models(settings: Settings, notify: Callable[[str], None], on_registry: Callable[[], None]) -> DemoModels:
    """Find two versions that were trained on the built-in table, and train those that are missing.

    Args:
        settings: of the domain housing.
        notify: called with each message about the progress.
        on_registry: called before any training, once MLflow's store exists and other processes can use it.

    Raises:
        RegistryUnavailableError: MLflow failed.
    """
    domain = settings.load_domain()
    raw = ingest(settings)
    checked, _ = validate(domain, raw, settings.training)
    registry = Registry(tracking_uri_of(settings), domain.name)
    data_sha256 = checked.sha256()

    def usable() -> list[ModelVersionInfo]:
        trained = [one for one in registry.versions() if one.data_sha256 == data_sha256]
        return sorted(trained, key=lambda one: CHAMPION not in one.aliases)

    quick = quick_settings(settings)
    known = registry.versions()
    on_registry()
    if not any(CHAMPION in one.aliases for one in known):
        notify("no champion: training one on the Boston housing table")
        train(quick, progress=notify)
    for _ in range(2 - len(usable())):
        notify(f"registering a second version to swap to: {SECOND_RECIPE}")
        train(quick, models=[SECOND_RECIPE], promote=False, progress=notify)
    return DemoModels(raw.frame, tuple(usable()))


def shared_test_rows(settings: Settings, versions: tuple[str, str]) -> set[int]:
    """Rows of the table that are test rows of both versions."""
    first, second = (set(find_test_rows(settings, version)) for version in versions)
    return first & second
