"""Keys: who may call, how often, and what a gateway without keys answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path

import pytest

from gateway.app import check_start
from operations.keys import add_key, list_keys, revoke_key
from schemas.errors import ConfigurationError, KeyNameError
from schemas.settings import Settings
from schemas.streams import Streams
from tasador.cli.commands.keys import app as keys_app
from tests.conftest import own_prefix
from tests.consumer.harness import ROW, Client
from tests.gateway.system import HttpClient, consuming, gateway_settings, serving
from tests.tasador.command import Runner, use_redis
from tests.waiting import wait_until
from transport.connection import connect

PER_MINUTE = 12


@pytest.fixture(scope="module")
def locked_settings(redis_url: str) -> Iterator[Settings]:
    with own_prefix(redis_url) as prefix:
        yield gateway_settings(redis_url, prefix, gateway={"requests_per_minute": PER_MINUTE})


@pytest.fixture(scope="module")
def keys(locked_settings: Settings, redis_url: str) -> dict[str, str]:
    with connect(redis_url) as client:
        made = {role: add_key(client, locked_settings.streams, role, role) for role in ("client", "operator")}
        return made | {"busy": add_key(client, locked_settings.streams, "busy", "client")}


@pytest.fixture(scope="module")
def locked(locked_settings: Settings, redis_url: str, keys: Mapping[str, str]) -> Iterator[HttpClient]:
    with consuming(redis_url, locked_settings), serving([locked_settings]) as client:
        yield client


def test_without_a_key_nothing_but_the_state_and_the_pages_is_answered(locked: HttpClient) -> None:
    for method, path in (
        ("POST", "/predict"),
        ("POST", "/housing/predict/batch"),
        ("GET", "/metrics"),
        ("GET", "/model/info"),
        ("GET", "/drift"),
        ("GET", "/predictions/1"),
        ("POST", "/outcomes"),
        ("POST", "/admin/reload"),
        ("POST", "/v2/models/housing/infer"),
        ("GET", "/v2/models/housing"),
    ):
        for headers in ({}, {"X-API-Key": "tsd_wrong"}, {"Authorization": "Bearer x"}, {"X-API-Key": ""}):
            reply = locked.call(method, path, {} if method == "POST" else None, headers)
            assert (reply.status, reply.json["reason"]) in {(401, "no_key"), (401, "unknown_key")}
    for path in ("/livez", "/readyz", "/health", "/docs", "/redoc", "/openapi.json", "/v2/health/live"):
        assert locked.get(path).status == 200


def test_the_name_of_the_key_is_the_source_of_its_listings(locked: HttpClient, keys: Mapping[str, str]) -> None:
    for headers in ({"X-API-Key": keys["client"]}, {"Authorization": f"Bearer {keys['client']}"}):
        assert locked.post("/predict", ROW, headers).json["listing_source"] == "gateway/client"
    mine = {"X-API-Key": keys["operator"]}
    locked.post("/predict", {"id": "mine-1", **ROW}, mine)
    assert locked.get("/predictions/mine-1", mine).status == 200
    assert locked.get("/predictions/mine-1", {"X-API-Key": keys["client"]}).status == 404
    peek = locked.get("/predictions/mine-1?source=gateway/operator", {"X-API-Key": keys["client"]})
    assert (peek.status, peek.json["reason"]) == (403, "not_operator")


def test_a_client_changes_no_model_and_reports_no_foreign_outcome(locked: HttpClient, keys: Mapping[str, str]) -> None:
    headers = {"X-API-Key": keys["client"]}
    assert locked.post("/admin/reload", {}, headers).status == 403
    outcome = {"listing_id": "x", "listing_source": "gateway/operator", "outcome": 1}
    assert locked.post("/outcomes", outcome, headers).status == 403


def test_too_many_requests_of_one_key_are_told_when_to_try_again(locked: HttpClient, keys: Mapping[str, str]) -> None:
    replies = [locked.post("/predict", ROW, {"X-API-Key": keys["busy"]}) for _ in range(PER_MINUTE + 3)]
    assert [reply.status for reply in replies] == [200] * PER_MINUTE + [429] * 3
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 60
    assert replies[-1].json["reason"] == "too_many_requests"
    assert locked.post("/predict", ROW, {"X-API-Key": keys["operator"]}).status == 200


def test_only_a_hash_is_stored_and_a_revoked_key_is_refused(
    locked: HttpClient, locked_settings: Settings, redis_client: Client
) -> None:
    streams = locked_settings.streams
    key = add_key(redis_client, streams, "short-lived", "client")
    stored = b"".join(redis_client.hvals(streams.gateway_keys)).decode()
    assert len(key) > 40
    assert key not in stored
    assert [one.name for one in list_keys(redis_client, streams)] == ["busy", "client", "operator", "short-lived"]
    headers = {"X-API-Key": key}
    wait_until(lambda: locked.get("/model/info", headers).status == 200)
    revoke_key(redis_client, streams, "short-lived")
    wait_until(lambda: locked.get("/model/info", headers).status == 401, 5)


@pytest.mark.parametrize("name", ["", "a b", "local", "x" * 65, "a/b"])
def test_a_name_that_cannot_be_part_of_a_source_is_refused(redis_client: Client, streams: Streams, name: str) -> None:
    with pytest.raises(KeyNameError):
        add_key(redis_client, streams, name, "client")
    assert not redis_client.exists(streams.gateway_keys)


def test_commands_make_list_and_revoke_keys(
    redis_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_redis(monkeypatch, redis_url, prefix)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path))
    command = Runner(keys_app)
    assert "no keys" in command.text("list")
    made = json.loads(command.text("add", "shop", "--role", "operator", "--json"))
    assert (made["name"], made["role"], made["domain"]) == ("shop", "operator", "housing")
    assert made["key"] not in command.text("list", "--json")
    assert command.text("list").split()[:2] == ["shop", "operator"]
    assert command.text("revoke", "shop") == "the key shop of housing is revoked\n"
    with pytest.raises(KeyNameError, match="no key 'shop'"):
        command.text("revoke", "shop")


def test_without_a_key_another_host_is_refused_with_one_line(
    redis_url: str, prefix: str, redis_client: Client, streams: Streams
) -> None:
    settings = gateway_settings(redis_url, prefix).model_copy(update={"host": "192.0.2.1"})
    with pytest.raises(ConfigurationError, match=r"without an API key .* `tasador keys add NAME --domain housing`"):
        check_start(settings)
    add_key(redis_client, streams, "first", "client")
    check_start(settings)
    check_start(gateway_settings(redis_url, f"{prefix}-other"))


def test_without_keys_no_page_of_another_site_is_answered(gateway: HttpClient) -> None:
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": f"evil.example:{gateway.port}"},
        {"Host": "[broken"},
    ):
        reply = gateway.post("/predict", ROW, headers)
        assert (reply.status, reply.json["reason"][:8]) == (403, "foreign_")
    for headers in (
        {"Origin": f"http://localhost:{gateway.port}", "Host": f"localhost:{gateway.port}"},
        {"Host": f"[::1]:{gateway.port}"},
    ):
        assert gateway.post("/predict", ROW, headers).status == 200


def test_two_hundred_requests_a_minute_are_answered_where_no_keys_are_in_use(gateway: HttpClient) -> None:
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    for _ in range(200):
        connection.request("POST", "/predict", json.dumps(ROW), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
    connection.close()
