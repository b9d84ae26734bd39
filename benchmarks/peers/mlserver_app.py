"""MLServer with adaptive batching: waiting requests are predicted together.

The arguments are the port and the booster's file. A prediction takes a few µs, so it runs in the server's own process:
sending it to a worker process would cost more.
"""

from __future__ import annotations

import asyncio
import sys

import numpy as np
import xgboost
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse

BATCH = 32
WAIT_S = 0.005


class MlServerModel(MLModel):
    """The model as an MLServer runtime."""

    async def load(self) -> bool:
        """Read the booster."""
        self._booster = xgboost.Booster(model_file=self.settings.parameters.uri)
        self._booster.set_param({"nthread": 1})
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Predict a batch."""
        rows = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32)
        prices = self._booster.inplace_predict(rows)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("price", prices)])


async def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings(
        host="127.0.0.1",
        http_port=int(sys.argv[1]),
        grpc_port=0,
        metrics_endpoint=None,
        parallel_workers=0,
        debug=False,
    )
    model = ModelSettings(
        name="booster",
        implementation=MlServerModel,
        max_batch_size=BATCH,
        max_batch_time=WAIT_S,
        parameters=ModelParameters(version="1", uri=sys.argv[2]),
    )
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(main())
