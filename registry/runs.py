"""A training run in MLflow: writes its parameters, metrics, dataset and files, and reads its files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry import tracking
from registry.location import artifact_root_of
from registry.metric_names import metric_name
from schemas.errors import RegistryUnavailableError

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient


_MAX_METRICS, _MAX_TEXTS = 1000, 100
"""Largest numbers of metrics, and of parameters or tags, that MLflow takes at once."""


class MlflowRun:
    """An open run. Start one with `start_run`."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client = client
        self.id = run_id

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log parameters."""
        from mlflow.entities import Param

        for batch in _batches(params, _MAX_TEXTS):
            self._client.log_batch(self.id, params=[Param(key, str(value)) for key, value in batch])

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Log metrics, under names that MLflow takes (see `registry.metric_names`)."""
        from mlflow.entities import Metric

        now_ms = time.time_ns() // 1_000_000
        for batch in _batches(metrics, _MAX_METRICS):
            self._client.log_batch(
                self.id, metrics=[Metric(metric_name(key), value, now_ms, 0) for key, value in batch]
            )

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        from mlflow.entities import RunTag

        for batch in _batches(tags, _MAX_TEXTS):
            self._client.log_batch(self.id, tags=[RunTag(key, value) for key, value in batch])

    def log_dataset(self, frame: pd.DataFrame, name: str, source: str, digest: str, target: str) -> None:
        """Log the training data by name, source and content hash, of which MLflow keeps 36 characters."""
        from mlflow.data.code_dataset_source import CodeDatasetSource
        from mlflow.data.pandas_dataset import PandasDataset
        from mlflow.entities import Dataset, DatasetInput, InputTag

        described = PandasDataset(
            # of all rows MLflow would look at every value, which takes a quarter of a minute for 20 million
            _telling_rows(frame),
            CodeDatasetSource({"source": source}),
            targets=target,
            name=name,
            digest=digest[:36],
        ).to_dict()
        profile = json.dumps({"num_rows": len(frame), "num_elements": int(frame.size)})
        dataset = Dataset(**(described | {"profile": profile}))
        self._client.log_inputs(self.id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])

    def log_json(self, name: str, value: Any) -> None:
        """Write a JSON file of the run."""
        self._client.log_text(self.id, json.dumps(value), name)

    def log_folder(self, folder: Path, name: str) -> None:
        """Copy all files of a folder into a folder of the run."""
        self._client.log_artifacts(self.id, str(folder), name)


def _telling_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Few rows that have the same schema as all: of each column the first value and the first gap."""
    gaps = frame.isna().to_numpy()
    return frame.iloc[sorted({*gaps.argmax(axis=0).tolist(), *(~gaps).argmax(axis=0).tolist()})]


@contextmanager
def start_run(
    client: MlflowClient, tracking_uri: str, experiment: str, name: str, tags: Mapping[str, str] | None = None
) -> Iterator[MlflowRun]:
    """A new run with these tags, which ends as finished or failed with the block.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    with tracking.translated_errors(tracking_uri):
        experiment_id = _experiment_id(client, tracking_uri, experiment)
        run = client.create_run(experiment_id, run_name=name, tags=dict(tags or {}))
        status = "FAILED"
        try:
            yield MlflowRun(client, run.info.run_id)
            status = "FINISHED"
        finally:
            client.set_terminated(run.info.run_id, status)


def end_killed_runs(client: MlflowClient, tracking_uri: str, experiment: str, tag: str, value: str) -> None:
    """Mark as killed the runs with a tag whose process has ended without doing so.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    with tracking.translated_errors(tracking_uri):
        found = client.get_experiment_by_name(experiment)
        running = client.search_runs([found.experiment_id], "attributes.status = 'RUNNING'") if found else []
        for run in running:
            # not in the filter, whose text a value could break
            if run.data.tags.get(tag) == value:
                client.set_terminated(run.info.run_id, "KILLED")


def read_json(client: MlflowClient, tracking_uri: str, run_id: str, name: str) -> Any:
    """The content of a file that `MlflowRun.log_json` wrote.

    Raises:
        RegistryUnavailableError: MLflow does not answer, or has no such file.
    """
    import mlflow

    with tracking.translated_errors(tracking_uri):
        artifact_uri = client.get_run(run_id).info.artifact_uri
        return json.loads(mlflow.artifacts.load_text(f"{artifact_uri}/{name}"))


def download_folder(client: MlflowClient, tracking_uri: str, run_id: str, name: str, target: Path) -> Path:
    """Copy a folder that `MlflowRun.log_folder` wrote into `target`, which exists, and return the copy.

    Raises:
        RegistryUnavailableError: MLflow does not answer, or has no such folder.
    """
    import mlflow

    with tracking.translated_errors(tracking_uri):
        artifact_uri = client.get_run(run_id).info.artifact_uri
        where = {"artifact_uri": f"{artifact_uri}/{name}", "tracking_uri": tracking_uri}
        try:
            copy = mlflow.artifacts.download_artifacts(dst_path=str(target), **where)
        except OSError as error:
            raise RegistryUnavailableError(f"{artifact_uri}/{name} cannot be read: {error}") from error
    return Path(copy)


def _batches(items: Mapping[str, Any], size: int) -> Iterator[list[tuple[str, Any]]]:
    pairs = list(items.items())
    return (pairs[start : start + size] for start in range(0, len(pairs), size))


def _experiment_id(client: MlflowClient, tracking_uri: str, name: str) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    root = artifact_root_of(tracking_uri)
    return str(client.create_experiment(name, artifact_location=f"{root}/{name}" if root else None))
