"""The servers that are asked over HTTP: how each is started, asked and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Server:
    """One way to serve the model over HTTP.

    Attributes:
        name: in reports.
        title: what it is, for a person.
        module: started with a port and the booster's file as arguments.
        path: that is asked.
        ask: the body for a listing.
        read: the listing's id and its prediction out of an answer's body; no id where the peer does not repeat it.
        connections: with which it answered most a second, of 16 to 256.
        is_batching: requests that wait are predicted together.
    """

    name: str
    title: str
    module: str
    path: str
    ask: Callable[[Any], object]
    read: Callable[[Any], tuple[str | None, float]]
    connections: int
    is_batching: bool = True


def _ask_mlserver(listing: Any) -> object:
    row = list(listing["data"].values())
    return {"id": listing["id"], "inputs": [{"name": "row", "shape": [1, len(row)], "datatype": "FP32", "data": row}]}


def _read_mlserver(answer: Any) -> tuple[str, float]:
    return answer["id"], answer["outputs"][0]["data"][0]


SERVERS = (
    Server(
        "fastapi",
        "FastAPI, one listing a request",
        "benchmarks.peers.fastapi_app",
        "/predict",
        lambda listing: listing,
        lambda answer: (answer["listing_id"], answer["prediction"]),
        connections=32,
        is_batching=False,
    ),
    Server(
        "mlserver",
        "MLServer, adaptive batching",
        "benchmarks.peers.mlserver_app",
        "/v2/models/booster/infer",
        _ask_mlserver,
        _read_mlserver,
        connections=64,
    ),
    Server(
        "bentoml",
        "BentoML, adaptive batching",
        "benchmarks.peers.bentoml_app",
        "/predict",
        lambda listing: {"rows": [list(listing["data"].values())]},
        lambda answer: (None, answer[0]),
        connections=128,
    ),
)
