"""What MLflow knows of a training run's data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.pandas_dataset import PandasDataset

from registry.location import tracking_uri_of
from registry.runs import start_run
from registry.store import Registry
from schemas.settings import Settings


def test_a_logged_dataset_has_the_schema_of_all_rows(tmp_path: Path) -> None:
    gaps = np.arange(3000)
    frame = pd.DataFrame(
        {
            "whole": np.arange(3000.0),
            "late gap": np.where(gaps == 2999, np.nan, 1.5),
            "late value": np.where(gaps == 2998, 1.5, np.nan),
            "text": ["a", None] * 1500,
            "name": ["b"] * 3000,
        }
    )
    registry = Registry(tracking_uri_of(Settings(home=tmp_path)), "housing")
    with start_run(registry.client, registry.tracking_uri, "housing", "a run") as run:
        run.log_dataset(frame, "homes", "homes.csv", "ab" * 32, target="whole")
    inputs = registry.client.get_run(run.id).inputs
    assert inputs is not None
    dataset = inputs.dataset_inputs[0].dataset
    whole = PandasDataset(frame, CodeDatasetSource({}), targets="whole", digest="of all").to_dict()
    assert dataset.schema
    assert json.loads(dataset.schema) == json.loads(whole["schema"] or "")
    assert [column["required"] for column in json.loads(dataset.schema)["mlflow_colspec"]] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert dataset.profile == whole["profile"]
    assert (dataset.name, dataset.digest) == ("homes", ("ab" * 32)[:36])
