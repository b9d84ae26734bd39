"""The registered model of one domain: registers, finds, aliases, tags and downloads its versions.

Whatever reads versions asks `registry.sqlite_store` first, which answers for a store on this machine without MLflow.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from registry import tracking
from registry.artifacts import copy_artifact
from registry.background import write_background
from registry.calibration import Calibration, write_calibration
from registry.card import ModelCard
from registry.digest import check_digest, digest_of
from registry.folder import write_files
from registry.location import local_path_of
from registry.saving import save
from registry.serving.form import write_serving_form
from registry.sqlite_store import read_versions
from registry.stages import CHAMPION, PREVIOUS_CHAMPION
from registry.versions import (
    ALGORITHM_TAG,
    DATA_TAG,
    DIGEST_TAG,
    NO_FORM_TAG,
    REGISTERED,
    STATUS_TAG,
    TRAINED_TAG,
    ModelVersionInfo,
    info_of,
)
from schemas.command_line import spell_command
from schemas.errors import ModelNotFoundError
from schemas.rows import Matrix
from transport.address import without_password

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from sklearn.pipeline import Pipeline


class Registry:
    """The registered model of one domain. Connects with the first call.

    Args:
        tracking_uri: of MLflow (see `registry.location.tracking_uri_of`).
        domain_name: also the registered model's name.
    """

    def __init__(self, tracking_uri: str, domain_name: str) -> None:
        self.tracking_uri = tracking_uri
        self.name = domain_name

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client, for calls that this class does not offer."""
        return tracking.connect(self.tracking_uri)

    def register(
        self,
        pipeline: Pipeline,
        card: ModelCard,
        golden: pd.DataFrame,
        reference: pd.DataFrame,
        *,
        run_id: str,
        tags: Mapping[str, str] | None = None,
        background: Matrix | None = None,
        calibration: Calibration | None = None,
    ) -> ModelVersionInfo:
        """Store a fitted pipeline as a new version; no alias points to it yet.

        Args:
            pipeline: takes the domain's raw columns.
            card: stored with it as `card.json`.
            golden: raw columns and expected predictions (see `registry.folder`).
            reference: raw columns, target and out-of-fold predictions.
            run_id: the run that made it.
            tags: further tags of the version (see `registry.versions`).
            background: rows for explanations (see `registry.background`), if it has any.
            calibration: for intervals or prediction sets, if it has any.

        Raises:
            ModelRejectedError: ("allow_list") the pipeline holds types that could not be loaded again.
            RegistryUnavailableError: MLflow does not answer.
        """
        with tracking.translated_errors(self.tracking_uri), tempfile.TemporaryDirectory() as temporary:
            run = self.client.get_run(run_id)
            logged = self.client.create_logged_model(
                run.info.experiment_id, name=self.name, source_run_id=run_id, model_type=card.algorithm
            )
            folder = Path(temporary) / "model"
            save(pipeline, card, golden, folder, logged)
            write_files(folder, card, golden, reference)
            why_no_form = write_serving_form(folder, pipeline, card, golden)
            write_background(folder, background)
            write_calibration(folder, calibration)
            digest = digest_of(folder)
            self.client.log_model_artifacts(logged.model_id, str(folder))
            self.client.finalize_logged_model(logged.model_id, "READY")
            if not self.client.search_registered_models(f"name = '{self.name}'"):
                self.client.create_registered_model(self.name)
            own_tags = {
                DIGEST_TAG: digest,
                ALGORITHM_TAG: card.algorithm,
                DATA_TAG: card.data_sha256,
                TRAINED_TAG: card.trained_at.isoformat(),
                STATUS_TAG: REGISTERED,
            } | ({NO_FORM_TAG: why_no_form} if why_no_form else {})
            location, all_tags = logged.artifact_location, own_tags | dict(tags or {})
            created = self.client.create_model_version(
                self.name, location, run_id=run_id, tags=all_tags, model_id=logged.model_id
            )
        return self.resolve(version=str(created.version))

    def resolve(self, version: str | None = None, alias: str = CHAMPION) -> ModelVersionInfo:
        """A version by its number, or else by an alias.

        Raises:
            ModelNotFoundError: there is no such version or alias.
            RegistryUnavailableError: MLflow does not answer.
        """
        subject = f"version {version}" if version is not None else f"alias {alias!r}"
        if (known := read_versions(self.tracking_uri, self.name)) is not None:
            found = [one for one in known if (alias in one.aliases if version is None else one.version == version)]
            if not found:
                raise self._not_found(subject)
            return found[0]
        with tracking.translated_errors(self.tracking_uri), self._not_found_errors(subject):
            if version is not None:
                record = self.client.get_model_version(self.name, version)
            else:
                record = self.client.get_model_version_by_alias(self.name, alias)
            metrics = self.client.get_run(record.run_id).data.metrics if record.run_id else {}
            return info_of(record, self._uri_of(record), self._aliases(), metrics)

    def find_champion(self) -> ModelVersionInfo | None:
        """The champion; None if there is none. Raises RegistryUnavailableError as `resolve`."""
        try:
            return self.resolve()
        except ModelNotFoundError:
            return None

    def versions(self) -> list[ModelVersionInfo]:
        """All versions, newest first; empty if none is registered.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
        """
        if (known := read_versions(self.tracking_uri, self.name)) is not None:
            return known
        with tracking.translated_errors(self.tracking_uri):
            records = list(self.client.search_model_versions(f"name = '{self.name}'"))
            aliases = self._aliases() if records else {}
            infos = [info_of(record, self._uri_of(record), aliases) for record in records]
        return sorted(infos, key=lambda info: int(info.version), reverse=True)

    def delete_version(self, version: str) -> None:
        """Delete a version; its files stay. Raises as `resolve`."""
        with tracking.translated_errors(self.tracking_uri), self._not_found_errors(f"version {version}"):
            self.client.delete_model_version(self.name, version)

    def set_champion(self, version: str) -> ModelVersionInfo:
        """Make a version champion; the one before it becomes previous champion. Does nothing if it is champion already.

        Raises:
            ModelNotFoundError: there is no such version.
            RegistryUnavailableError: MLflow does not answer.
        """
        chosen = self.resolve(version=version)
        with tracking.translated_errors(self.tracking_uri):
            before = self._aliases().get(CHAMPION)
            # in this order a crash between the two leaves both aliases on the old champion, and none is lost
            if before is not None and before != chosen.version:
                self.client.set_registered_model_alias(self.name, PREVIOUS_CHAMPION, before)
            self.client.set_registered_model_alias(self.name, CHAMPION, chosen.version)
        return self.resolve(version=version)

    def set_alias(self, alias: str, version: str) -> None:
        """Point an alias to a version. Raises as `resolve`."""
        with tracking.translated_errors(self.tracking_uri), self._not_found_errors(f"version {version}"):
            self.client.set_registered_model_alias(self.name, alias, version)

    def delete_alias(self, alias: str) -> None:
        """Delete an alias. Raises as `resolve`."""
        self.resolve(alias=alias)
        with tracking.translated_errors(self.tracking_uri):
            self.client.delete_registered_model_alias(self.name, alias)

    def set_tags(self, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version; an empty value deletes a tag.

        Raises:
            ModelNotFoundError: there is no such version.
            RegistryUnavailableError: MLflow does not answer.
        """
        with tracking.translated_errors(self.tracking_uri), self._not_found_errors(f"version {version}"):
            for key, value in tags.items():
                if value:
                    self.client.set_model_version_tag(self.name, version, key, value)
                elif key in self.client.get_model_version(self.name, version).tags:
                    self.client.delete_model_version_tag(self.name, version, key)

    @contextmanager
    def downloaded(self, info: ModelVersionInfo) -> Iterator[Path]:
        """A temporary copy of a version's folder, whose digest has been checked.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
            ModelRejectedError: ("digest") it differs from what was registered.
        """
        with tempfile.TemporaryDirectory(prefix="tasador-model-") as temporary:
            folder = Path(temporary) / "model"
            copy_artifact(info.uri, folder, self.tracking_uri)
            check_digest(folder, info.digest)
            yield folder

    def _uri_of(self, record: ModelVersion) -> str:
        local = local_path_of(uri := self.client.get_model_version_download_uri(self.name, str(record.version)))
        return uri if local is None else str(local.absolute())

    def _aliases(self) -> dict[str, str]:
        return {alias: str(version) for alias, version in self.client.get_registered_model(self.name).aliases.items()}

    @contextmanager
    def _not_found_errors(self, subject: str) -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            if not tracking.is_not_found(error):
                raise
            raise self._not_found(subject) from error

    def _not_found(self, subject: str) -> ModelNotFoundError:
        store, way_out = without_password(self.tracking_uri), spell_command("train", self.name)
        return ModelNotFoundError(f"no {subject} of model {self.name!r} in {store}: train one with `{way_out}`")
