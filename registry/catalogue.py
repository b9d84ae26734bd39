"""Lists the registry's models, their versions with metrics, and the best version by a metric."""

from __future__ import annotations

from dataclasses import dataclass, replace

from registry import tracking
from registry.sqlite_store import read_model_names, read_versions
from registry.stages import CHALLENGER, CHAMPION
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.command_line import spell_command
from schemas.errors import ModelNotFoundError

_LARGER_IS_BETTER = ("accuracy", "macro_f1", "r2", "within_", "auc", "precision", "recall")


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """One registered model.

    Attributes:
        name: of the model, which is also its domain's name.
        versions: how many it has.
        champion: the champion's version; None if there is none.
        challenger: the challenger's version; None if there is none.
    """

    name: str
    versions: int
    champion: str | None
    challenger: str | None


def list_models(tracking_uri: str) -> list[RegisteredModel]:
    """All registered models, by name.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    names = read_model_names(tracking_uri)
    if names is not None:
        return [_registered(name, read_versions(tracking_uri, name) or []) for name in names]
    client = tracking.connect(tracking_uri)
    with tracking.translated_errors(tracking_uri):
        models = []
        for model in client.search_registered_models():
            aliases = {alias: str(version) for alias, version in model.aliases.items()}
            versions = len(client.search_model_versions(f"name = '{model.name}'"))
            models.append(RegisteredModel(model.name, versions, aliases.get(CHAMPION), aliases.get(CHALLENGER)))
    return sorted(models, key=lambda model: model.name)


def count_versions(registry: Registry) -> int:
    """The number of versions.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    if (known := read_versions(registry.tracking_uri, registry.name)) is not None:
        return len(known)
    with tracking.translated_errors(registry.tracking_uri):
        return len(registry.client.search_model_versions(f"name = '{registry.name}'"))


def versions_with_metrics(registry: Registry) -> list[ModelVersionInfo]:
    """All versions with the metrics of their runs, newest first.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    read = read_versions(registry.tracking_uri, registry.name)
    if read is not None:
        return read
    infos = registry.versions()
    with tracking.translated_errors(registry.tracking_uri):
        metrics = {info.run_id: registry.client.get_run(info.run_id).data.metrics for info in infos if info.run_id}
    return [replace(info, metrics=metrics.get(info.run_id, {})) for info in infos]


def _registered(name: str, infos: list[ModelVersionInfo]) -> RegisteredModel:
    holders = {alias: info.version for info in infos for alias in info.aliases}
    return RegisteredModel(name, len(infos), holders.get(CHAMPION), holders.get(CHALLENGER))


def best_version(registry: Registry, metric: str) -> ModelVersionInfo:
    """The best version by a metric; among equals the oldest.

    Raises:
        ModelNotFoundError: no version has that metric; the message names the known ones.
        RegistryUnavailableError: MLflow does not answer.
    """
    infos = versions_with_metrics(registry)
    candidates = [info for info in reversed(infos) if metric in info.metrics]
    if not candidates:
        known = sorted({name for info in infos for name in info.metrics if name.startswith(("cv_", "test_", "us_"))})
        raise ModelNotFoundError(
            f"no version of model {registry.name!r} has the metric {metric}"
            + (
                f"; known metrics: {', '.join(known)}"
                if known
                else f"; train one with `{spell_command('train', registry.name)}`"
            )
        )
    choose = max if any(word in metric for word in _LARGER_IS_BETTER) else min
    return choose(candidates, key=lambda info: info.metrics[metric])
