"""The bare loop: what redis-py, msgspec and XGBoost can do when nothing else is asked of them.

It reads 1,000 entries, decodes them, predicts them in one call, and commits them with one script, which writes a
prediction for exactly those entries that it acknowledges. It validates nothing, knows no repeats, keeps no window and
no counts, takes over from nobody, and a payload that cannot be decoded ends it.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import msgspec
import numpy as np
import redis
import xgboost

BATCH = 1000
COMMIT = """
local listings, predictions, group, call = KEYS[1], KEYS[2], ARGV[1], redis.call
local n = (#ARGV - 1) / 2
for i = 2, n + 1 do
  if call('XACK', listings, group, ARGV[i]) == 1 then call('XADD', predictions, '*', 'data', ARGV[n + i]) end
end
call('XTRIM', predictions, 'MAXLEN', '~', '1000000')
"""


class Row(msgspec.Struct, gc=False):
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


class Listing(msgspec.Struct, gc=False):
    """A listing."""

    id: str
    time: str
    data: Row


class Prediction(msgspec.Struct, gc=False):
    """A prediction."""

    listing_id: str
    prediction: float
    model_version: str


def drain(client: redis.Redis, listings: str, predictions: str, group: str, booster: xgboost.Booster) -> None:
    """Answer listings for ever."""
    decode, encode = msgspec.json.Decoder(Listing).decode, msgspec.json.Encoder().encode
    as_tuple = msgspec.structs.astuple
    commit = client.register_script(COMMIT)
    while True:
        reply: Any = client.xreadgroup(group, "bare", {listings: ">"}, count=BATCH, block=1000)
        for _, entries in reply:
            events = [decode(fields[b"data"]) for _, fields in entries]
            matrix = np.array([as_tuple(event.data) for event in events], dtype=np.float32)
            prices = booster.inplace_predict(matrix).tolist()
            ids = [entry_id for entry_id, _ in entries]
            answers = [encode(Prediction(event.id, price, "1")) for event, price in zip(events, prices, strict=True)]
            commit(keys=[listings, predictions], args=[group, *ids, *answers])


def main() -> None:
    """Drain until killed: the addresses are in the environment, the booster's file is the first argument."""
    prefix = os.environ["TASADOR_PREFIX"]
    client = redis.Redis.from_url(os.environ["TASADOR_REDIS_URL"], protocol=2)
    booster = xgboost.Booster(model_file=sys.argv[1])
    booster.set_param({"nthread": 1})
    drain(client, f"{prefix}:listings", f"{prefix}:predictions", "scorers", booster)


if __name__ == "__main__":
    main()
