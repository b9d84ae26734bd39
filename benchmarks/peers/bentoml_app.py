"""BentoML with adaptive batching: waiting requests are predicted together.

The arguments are the port and the booster's file.
"""

from __future__ import annotations

import os
import sys

import bentoml
import numpy as np
import xgboost

BOOSTER = "BENCH_BOOSTER"


@bentoml.service(workers="cpu_count")
class BentoService:
    """The model as a BentoML service."""

    def __init__(self) -> None:
        self._booster = xgboost.Booster(model_file=os.environ[BOOSTER])
        self._booster.set_param({"nthread": 1})

    @bentoml.api(batchable=True, max_batch_size=100, max_latency_ms=1000)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Predict a batch, rows (n, columns)."""
        return np.asarray(self._booster.inplace_predict(rows.astype(np.float32)))


if __name__ == "__main__":
    os.environ[BOOSTER] = sys.argv[2]
    serve = [
        "bentoml",
        "serve",
        "benchmarks.peers.bentoml_app:BentoService",
        "--host",
        "127.0.0.1",
        "--port",
        sys.argv[1],
    ]
    os.execvp(sys.executable, [sys.executable, "-m", *serve])  # noqa: S606 - a list of arguments, no shell
