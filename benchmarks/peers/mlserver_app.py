"""MLServer with adaptive batching: requests that wait are predicted together."""

from __future__ import annotations

import asyncio
import sys

import numpy as np
import xgboost
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse

BATCH = 1000
WAIT_S = 0.005


class Booster(MLModel):
    """The model as an MLServer runtime."""

    async def load(self) -> bool:
        """Read the booster."""
        self._booster = xgboost.Booster(model_file=sys.argv[2])
        self._booster.set_param({"nthread": 1})
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Predict a batch."""
        rows = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32)
        prices = self._booster.inplace_predict(rows)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("price", prices)])


async def main() -> None:
    """Serve until SIGTERM."""
    port = int(sys.argv[1])
    settings = Settings(
        host="127.0.0.1", http_port=port, grpc_port=port + 1, metrics_endpoint=None, parallel_workers=0, debug=False
    )
    model = ModelSettings(
        name="booster",
        implementation=Booster,
        max_batch_size=BATCH,
        max_batch_time=WAIT_S,
        parameters=ModelParameters(version="1"),
    )
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(main())
