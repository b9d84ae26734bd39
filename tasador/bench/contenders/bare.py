"""The bare loop: the rate of redis-py, msgspec and XGBoost alone.

It reads 1,000 entries, decodes them, predicts them in one call, and commits them with one script, which writes a
prediction for exactly those entries that it acknowledges. It has no validation, deduplication, window, counts or claims
of pending entries, and it crashes on a payload that it cannot decode.
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


class BareRow(msgspec.Struct, gc=False):
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


class BareListing(msgspec.Struct, gc=False):
    """A listing."""

    id: str
    time: str
    data: BareRow


class BarePrediction(msgspec.Struct, gc=False):
    """A prediction."""

    listing_id: str
    prediction: float
    model_version: str


def drain(client: redis.Redis, listings: str, predictions: str, group: str, booster: xgboost.Booster) -> None:
    """Answer listings until the process is killed."""
    decode, encode = msgspec.json.Decoder(BareListing).decode, msgspec.json.Encoder().encode
    as_tuple = msgspec.structs.astuple
    commit = client.register_script(COMMIT)
    while True:
        reply: Any = client.xreadgroup(group, "bare", {listings: ">"}, count=BATCH, block=1000)
        for _, entries in reply:
            events = [decode(fields[b"data"]) for _, fields in entries]
            matrix = np.array([as_tuple(event.data) for event in events], dtype=np.float32)
            prices = booster.inplace_predict(matrix).tolist()
            ids = [entry_id for entry_id, _ in entries]
            answers = [
                encode(BarePrediction(event.id, price, "1")) for event, price in zip(events, prices, strict=True)
            ]
            commit(keys=[listings, predictions], args=[group, *ids, *answers])


def main() -> None:
    """Drain until killed: the environment names Redis and the prefix, the first argument the booster's file."""
    prefix = os.environ["TASADOR_PREFIX"]
    client = redis.Redis.from_url(os.environ["TASADOR_REDIS_URL"], protocol=2)
    booster = xgboost.Booster(model_file=sys.argv[1])
    booster.set_param({"nthread": 1})
    drain(client, f"{prefix}:listings", f"{prefix}:predictions", "scorers", booster)


if __name__ == "__main__":
    main()
