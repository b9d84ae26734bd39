"""The peers with HTTP: how each is started, how a listing is sent, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PeerServer:
    """One way to serve the model over HTTP.

    Attributes:
        name: in reports.
        title: for people.
        module: started with a port and the booster's file as arguments.
        path: of the requests.
        body_of: the body of a listing's request.
        prediction_of: the listing's id and prediction from an answer's body; None if the peer returns no id.
        connections: the number, from 16 to 256, with the highest rate.
        is_batching: whether waiting requests are predicted together.
    """

    name: str
    title: str
    module: str
    path: str
    body_of: Callable[[Any], object]
    prediction_of: Callable[[Any], tuple[str | None, float]]
    connections: int
    is_batching: bool = True


def _mlserver_body(listing: Any) -> object:
    row = list(listing["data"].values())
    return {"id": listing["id"], "inputs": [{"name": "row", "shape": [1, len(row)], "datatype": "FP32", "data": row}]}


def _mlserver_prediction(answer: Any) -> tuple[str, float]:
    return answer["id"], answer["outputs"][0]["data"][0]


SERVERS = (
    PeerServer(
        "fastapi",
        "FastAPI, one listing a request",
        "benchmarks.peers.fastapi_app",
        "/predict",
        lambda listing: listing,
        lambda answer: (answer["listing_id"], answer["prediction"]),
        connections=32,
        is_batching=False,
    ),
    PeerServer(
        "mlserver",
        "MLServer, adaptive batching",
        "benchmarks.peers.mlserver_app",
        "/v2/models/booster/infer",
        _mlserver_body,
        _mlserver_prediction,
        connections=64,
    ),
    PeerServer(
        "bentoml",
        "BentoML, adaptive batching",
        "benchmarks.peers.bentoml_app",
        "/predict",
        lambda listing: {"rows": [list(listing["data"].values())]},
        lambda answer: (None, answer[0]),
        connections=128,
    ),
)
