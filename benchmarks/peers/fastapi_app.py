"""FastAPI: one listing a request, validated by pydantic, predicted in the handler."""

from __future__ import annotations

import sys

import numpy as np
import uvicorn
import xgboost
from fastapi import FastAPI
from pydantic import BaseModel


class Listing(BaseModel):
    """A listing: its features in the order of the model's columns."""

    id: str
    features: list[float]


class Prediction(BaseModel):
    """A prediction."""

    listing_id: str
    prediction: float


def build_app(booster: xgboost.Booster) -> FastAPI:
    """The application."""
    app = FastAPI()

    @app.post("/predict")
    async def predict(listing: Listing) -> Prediction:
        row = np.array([listing.features], dtype=np.float32)
        return Prediction(listing_id=listing.id, prediction=float(booster.inplace_predict(row)[0]))

    return app


if __name__ == "__main__":
    model = xgboost.Booster(model_file=sys.argv[2])
    model.set_param({"nthread": 1})
    uvicorn.run(build_app(model), port=int(sys.argv[1]), log_level="warning")
