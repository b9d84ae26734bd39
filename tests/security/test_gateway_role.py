"""The gateway works with the rights of its role, and says at its start which one it lacks."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from gateway.app import check_start
from operations.keys import add_key
from schemas.errors import ServerError
from schemas.streams import Streams
from tests.consumer.harness import ROW
from tests.gateway.system import consuming, gateway_settings, serving
from tests.security.roles import Users
from transport.connection import connect

ROOMS = (
    "listings",
    "progress",
    "predictions",
    "outcomes",
    "commands",
    "dedup:*",
    "gateway:*",
    "gateways",
    "replies:*",
)


def test_the_role_has_the_rights_for_every_route(users: Users, redis_url: str, streams: Streams) -> None:
    settings = gateway_settings(users.url("gateway"), streams.prefix)
    with connect(users.url("operator")) as operator:
        key = add_key(operator, streams, "web", "operator")
    check_start(settings)
    with consuming(redis_url, settings), serving([settings]) as client:
        client.headers["X-API-Key"] = key
        assert client.post("/predict", {"id": "r-1", **ROW}).status == 200
        assert client.post("/predict", {"id": "r-1", **ROW}).json["is_repeat"] is True
        assert client.post("/predict/batch", [ROW, ROW]).status == 200
        assert client.get("/predictions/r-1").status == 200
        assert client.get("/predictions/unknown").status == 404
        assert client.post("/outcomes", {"listing_id": "r-1", "outcome": 20}).status == 202
        assert client.post("/admin/reload", {"timeout_s": 0.1}).status == 504
        for path in ("/health", "/metrics", "/model/info"):
            assert client.get(path).status == 200
        assert client.get("/drift").status == 404
    assert users.denied() == []


@pytest.mark.parametrize(("key", "message"), [("replies:*", "may not make"), ("gateways", "may not write")])
def test_a_missing_right_is_named_at_the_start(
    users: Users, redis_client: redis.Redis, streams: Streams, key: str, message: str
) -> None:
    admin: Any = redis_client
    patterns = [f"~{streams.prefix}:{name}" for name in ROOMS if name != key]
    admin.execute_command("ACL", "SETUSER", users.name("gateway"), "reset", "on", ">pw", "+@all", *patterns)
    address = users.url("gateway").partition("@")[2]
    with pytest.raises(ServerError, match=message):
        check_start(gateway_settings(f"redis://{users.name('gateway')}:pw@{address}", streams.prefix))
