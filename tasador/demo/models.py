"""The demo's models: one that scores first and one to swap to, both trained on the table that is published."""

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
        versions: those trained on that table, the champion first and then newest first.
    """

    table: pd.DataFrame
    versions: tuple[ModelVersionInfo, ...]

    def other_than(self, version: str) -> ModelVersionInfo:
        """The first of the versions that is not this one."""
        return next(found for found in self.versions if found.version != version)

    def algorithm_of(self, version: str) -> str:
        """The recipe that made a version."""
        return next(found.algorithm for found in self.versions if found.version == version)


def prepare_models(settings: Settings, tell: Callable[[str], None], on_registry: Callable[[], None]) -> DemoModels:
    """Find two versions that were trained on the built-in table, and train what is missing.

    Args:
        settings: of the domain housing.
        tell: is told, in a sentence, how far it is.
        on_registry: called once MLflow's store exists and can be used by others, before anything is trained.

    Raises:
        RegistryUnavailableError: MLflow failed.
    """
    domain = settings.load_domain()
    raw = ingest(settings)
    checked, _ = validate(domain, raw, settings.training)
    registry = Registry(tracking_uri_of(settings), domain.name)
    data_sha256 = checked.sha256()

    def usable() -> list[ModelVersionInfo]:
        found = [one for one in registry.versions() if one.data_sha256 == data_sha256]
        return sorted(found, key=lambda one: CHAMPION not in one.aliases)

    quick = quick_settings(settings)
    known = registry.versions()
    on_registry()
    if not any(CHAMPION in one.aliases for one in known):
        tell("no champion yet: training one on the Boston housing table")
        train(quick, progress=tell)
    for _ in range(2 - len(usable())):
        tell(f"registering a second version to swap to: {SECOND_RECIPE}")
        train(quick, models=[SECOND_RECIPE], promote=False, progress=tell)
    return DemoModels(raw.frame, tuple(usable()))


def shared_test_rows(settings: Settings, versions: tuple[str, str]) -> set[int]:
    """Rows of the table that neither of two versions has seen in training."""
    first, second = (set(find_test_rows(settings, version)) for version in versions)
    return first & second
