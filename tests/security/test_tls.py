"""Every client and process connects over TLS, to a server with a certificate of a private authority."""

from __future__ import annotations

import ssl
import uuid
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.app import check_start
from producer import AsyncListingPublisher, ListingPublisher
from schemas.errors import ConfigurationError, RedisUnavailableError
from schemas.gateway_settings import GatewaySettings
from schemas.settings import load_settings
from schemas.streams import Streams
from tasador.machine.home import process_environment
from tasador.machine.processes import ManagedProcess
from tests.conftest import own_prefix
from tests.consumer.harness import PRICE_OF_ROW, ROW
from tests.docker_engine import HOW
from tests.gateway.system import consuming, gateway_settings, serving
from tests.listings import listing, read_boston_rows
from tests.models import SmallModel
from tests.own_redis import StartOwnRedis
from tests.security.certificates import Authority, readable_authority
from tests.security.refused_clients import check_no_certificate, check_unknown_authority
from tests.security.roles import Users
from tests.waiting import wait_until
from transport.address import without_password
from transport.connection import connect, connect_async, speaking_to


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return readable_authority(tmp_path_factory.mktemp("tls") / "own")


@pytest.fixture(scope="module")
def tls_url(authority: Authority, own_redis: StartOwnRedis) -> str:
    """URL (as in TASADOR_REDIS_URL) of a server that accepts only TLS and requires a client certificate."""
    names = {"cert": "own.crt", "key": "own.key", "ca-cert": "ca.crt"}
    files = [word for name, file in names.items() for word in (f"--tls-{name}-file", f"{{folder}}/{file}")]
    own = f"ssl_certfile={authority.certificate}&ssl_keyfile={authority.key}"
    url = f"rediss://127.0.0.1:{{port}}/0?ssl_ca_certs={authority.ca}&{own}"
    try:
        server = own_redis(authority.ca.parent, "--port", "0", "--tls-port", "{port}", *files, url=url)
    except AssertionError as error:
        if "tls-port" not in str(error):
            raise
        pytest.skip(f"needs a redis-server built with TLS: apt-get install redis-server; or {HOW}")
    return server.url


@pytest.fixture(scope="module")
def tls_address(tls_url: str) -> str:
    """Host and port of that server."""
    return tls_url.removeprefix("rediss://").partition("/")[0]


async def test_both_clients_connect_over_tls(tls_url: str) -> None:
    with connect(tls_url) as client:
        assert client.ping()
    client_async = connect_async(tls_url)
    assert await client_async.ping()
    await client_async.aclose()


async def test_both_publishers_connect_over_tls(tls_url: str) -> None:
    streams = Streams(f"test-{uuid.uuid4().hex[:12]}")
    settings = load_settings(redis_url=SecretStr(tls_url), prefix=streams.prefix)
    event = listing(read_boston_rows()[0], "l-1")
    with ListingPublisher(settings) as publisher:
        publisher.publish(event)
    async with AsyncListingPublisher(settings) as publisher_async:
        await publisher_async.publish(event)
    with connect(tls_url) as client:
        assert client.xlen(streams.listings) == 2


def test_processes_work_over_tls(tls_url: str, small_model: SmallModel, tmp_path: Path) -> None:
    streams = Streams(f"test-{uuid.uuid4().hex[:12]}")
    store = small_model.registry.tracking_uri
    settings = load_settings(
        home=tmp_path / "home", redis_url=SecretStr(tls_url), prefix=streams.prefix, mlflow_uri=store
    )
    environment = process_environment(settings)
    processes = [
        ManagedProcess("housing", kind, f"{kind}-1", logs=tmp_path, host="127.0.0.1", environment=environment)
        for kind in ("consumer", "trainer")
    ]
    try:
        for process in processes:
            process.start()
        with ListingPublisher(settings) as publisher:
            publisher.publish(listing(read_boston_rows()[0], "l-1"))
        with connect(tls_url) as client:
            wait_until(lambda: client.xlen(streams.predictions) == 1, 120, "the listing is answered")
    finally:
        for process in processes:
            process.kill()


def test_a_gateway_with_its_role_speaks_tls_to_redis_and_to_clients(tls_url: str, authority: Authority) -> None:
    with own_prefix(tls_url) as prefix, connect(tls_url) as client:
        users = Users(client, tls_url, prefix)
        settings = gateway_settings(
            users.url("gateway"),
            prefix,
            gateway=GatewaySettings(tls_certificate=authority.certificate, tls_key=authority.key),
        )
        trusting = ssl.create_default_context(cafile=authority.ca)
        try:
            check_start(settings)
            with consuming(tls_url, settings), serving([settings], tls=trusting) as web:
                assert web.post("/predict", {"id": "r-1", **ROW}).json["prediction"] == PRICE_OF_ROW
                assert web.post("/predict", {"id": "r-1", **ROW}).json["is_repeat"] is True
                assert web.post("/predict/batch", [ROW] * 200).json["refused"] == 0
            assert users.denied() == []
        finally:
            users.remove()


def test_unknown_authority_is_an_error_of_one_line(tls_address: str, authority: Authority, tmp_path: Path) -> None:
    check_unknown_authority(f"rediss://{tls_address}/0", authority, tmp_path, "unknown")


def test_client_without_a_certificate_is_refused(tls_address: str, authority: Authority) -> None:
    check_no_certificate(f"rediss://{tls_address}/0", authority)


def test_missing_certificate_file_is_an_error(tls_address: str) -> None:
    url = f"rediss://{tls_address}/0?ssl_ca_certs=/nowhere/ca.crt"
    with pytest.raises((ConfigurationError, RedisUnavailableError)), speaking_to(url), connect(url) as client:
        client.ping()


def test_password_of_a_key_is_not_shown() -> None:
    shown = without_password("rediss://u:p1@h:1/0?ssl_keyfile=k&ssl_password=p2&password=p3")
    assert shown == "rediss://u:***@h:1/0?ssl_keyfile=k&ssl_password=***&password=***"
