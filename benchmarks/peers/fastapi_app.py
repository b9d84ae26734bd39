"""FastAPI: one listing a request, validated by pydantic, predicted in the handler.

Its first argument is the port, its second the booster's file.
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


class Row(BaseModel):
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


class Listing(BaseModel):
    """A listing."""

    id: str
    time: str
    data: Row


class Prediction(BaseModel):
    """A prediction."""

    listing_id: str
    prediction: float


def build_app() -> FastAPI:
    """The application of one process; the booster's file is in the environment."""
    app = FastAPI()
    booster = xgboost.Booster(model_file=os.environ[BOOSTER])
    booster.set_param({"nthread": 1})

    @app.post("/predict")
    async def predict(listing: Listing) -> Prediction:
        row = np.array([list(vars(listing.data).values())], dtype=np.float32)
        return Prediction(listing_id=listing.id, prediction=float(booster.inplace_predict(row)[0]))

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
