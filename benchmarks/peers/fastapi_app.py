"""FastAPI: one listing per request, validated by pydantic and predicted in the handler.

The arguments are the port and the booster's file.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import uvicorn
import xgboost
from fastapi import FastAPI
from pydantic import BaseModel

BOOSTER = "BENCH_BOOSTER"


class FastApiRow(BaseModel):
    """Features, in the order of the model's columns."""

    CRIM: float
    ZN: float
    INDUS: float
    CHAS: float
    NOX: float
    RM: float
    AGE: float
    DIS: float
    RAD: float
    TAX: float
    PTRATIO: float
    B: float
    LSTAT: float


class FastApiListing(BaseModel):
    """A listing."""

    id: str
    time: str
    data: FastApiRow


class FastApiPrediction(BaseModel):
    """A prediction."""

    listing_id: str
    prediction: float


def build_app() -> FastAPI:
    """The application of one process; the environment names the booster's file."""
    app = FastAPI()
    booster = xgboost.Booster(model_file=os.environ[BOOSTER])
    booster.set_param({"nthread": 1})

    @app.post("/predict")
    async def predict(listing: FastApiListing) -> FastApiPrediction:
        row = np.array([list(vars(listing.data).values())], dtype=np.float32)
        return FastApiPrediction(listing_id=listing.id, prediction=float(booster.inplace_predict(row)[0]))

    return app


if __name__ == "__main__":
    os.environ[BOOSTER] = sys.argv[2]
    uvicorn.run(
        "benchmarks.peers.fastapi_app:build_app",
        factory=True,
        port=int(sys.argv[1]),
        workers=os.cpu_count(),
        log_level="warning",
    )
