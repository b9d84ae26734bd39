"""FastStream as its guide has it: a subscriber takes one message, validated by pydantic, and returns the answer.

FastStream acknowledges the message and publishes what is returned. Its defaults stand, but for two lines of log for
every message, which are off. It runs on uvloop, as `faststream run` does.
"""

from __future__ import annotations

import logging
import os
import sys

import numpy as np
import uvloop
import xgboost
from faststream import FastStream
from faststream.redis import RedisBroker, StreamSub
from pydantic import BaseModel


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
    model_version: str


def build_app(url: str, listings: str, predictions: str, group: str, booster: xgboost.Booster) -> FastStream:
    """The application; it makes the group only where there is none."""
    # its own logger tells of every message; this one is silent below warnings
    broker = RedisBroker(url, logger=logging.getLogger(__name__))

    @broker.subscriber(stream=StreamSub(listings, group=group, consumer="one-by-one"))
    @broker.publisher(stream=predictions)
    async def score(listing: Listing) -> Prediction:
        row = np.array([list(listing.data.model_dump().values())], dtype=np.float32)
        price = float(booster.inplace_predict(row)[0])
        return Prediction(listing_id=listing.id, prediction=price, model_version="1")

    return FastStream(broker, logger=None)


def main() -> None:
    """Answer listings until SIGTERM: the addresses are in the environment, the booster's file is the first argument."""
    prefix = os.environ["TASADOR_PREFIX"]
    booster = xgboost.Booster(model_file=sys.argv[1])
    booster.set_param({"nthread": 1})
    app = build_app(os.environ["TASADOR_REDIS_URL"], f"{prefix}:listings", f"{prefix}:predictions", "scorers", booster)
    uvloop.run(app.run())


if __name__ == "__main__":
    main()
