"""FastStream as in its guide: a subscriber takes one message, validated by pydantic, and returns the answer.

FastStream acknowledges the message and publishes the returned value. Its settings are the defaults, except that its two
log lines per message are off. It runs on uvloop, like `faststream run`.
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


class FastStreamRow(BaseModel):
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


class FastStreamListing(BaseModel):
    """A listing."""

    id: str
    time: str
    data: FastStreamRow


class FastStreamPrediction(BaseModel):
    """A prediction."""

    listing_id: str
    prediction: float
    model_version: str


def build_app(url: str, listings: str, predictions: str, group: str, booster: xgboost.Booster) -> FastStream:
    """The application; it creates the consumer group if there is none."""
    # FastStream's own logger logs each message; this one only warnings
    broker = RedisBroker(url, logger=logging.getLogger(__name__))

    @broker.subscriber(stream=StreamSub(listings, group=group, consumer="one-by-one"))
    @broker.publisher(stream=predictions)
    async def score(listing: FastStreamListing) -> FastStreamPrediction:
        row = np.array([list(listing.data.model_dump().values())], dtype=np.float32)
        price = float(booster.inplace_predict(row)[0])
        return FastStreamPrediction(listing_id=listing.id, prediction=price, model_version="1")

    return FastStream(broker, logger=None)


def main() -> None:
    """Run until SIGTERM: the environment names Redis and the prefix, the first argument the booster's file."""
    prefix = os.environ["TASADOR_PREFIX"]
    booster = xgboost.Booster(model_file=sys.argv[1])
    booster.set_param({"nthread": 1})
    app = build_app(os.environ["TASADOR_REDIS_URL"], f"{prefix}:listings", f"{prefix}:predictions", "scorers", booster)
    uvloop.run(app.run())


if __name__ == "__main__":
    main()
