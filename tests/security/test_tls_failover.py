"""Every client and process connects over TLS by Sentinel and to a cluster, with certificates of a private authority."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from gateway.app import check_start
from producer import AsyncListingPublisher, ListingPublisher
from schemas.settings import load_settings
from schemas.streams import Streams
from tasador.cli.app import app
from tasador.machine.home import process_environment
from tasador.machine.processes import ManagedProcess
from tests.consumer.harness import PRICE_OF_ROW, ROW, running, settings_for
from tests.gateway.system import consuming, gateway_settings, serving
from tests.listings import listing, read_boston_rows
from tests.models import SmallModel
from tests.node_example import check_answers, node_client
from tests.security.certificates import Authority, readable_authority
from tests.security.main_job import STATUS_CODES
from tests.security.refused_clients import check_no_certificate, check_unknown_authority
from tests.security.roles import Users
from tests.security.tls_servers import TlsServers, cluster, watched_server
from tests.waiting import wait_until, wait_until_async
from transport.connection import connect

__all__ = ["node_client"]

# where there are no such servers, no model is trained first
pytestmark = [pytest.mark.usefixtures("bare")]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return readable_authority(tmp_path_factory.mktemp("tls") / "own")


@pytest.fixture(scope="module")
def options(authority: Authority) -> str:
    """What a client adds to an address: the authority and a certificate of its own."""
    own = f"ssl_certfile={authority.certificate}&ssl_keyfile={authority.key}"
    return f"ssl_ca_certs={authority.ca}&{own}"


@pytest.fixture(scope="module", params=[watched_server, cluster], ids=["sentinel", "cluster"])
def bare(request: pytest.FixtureRequest, authority: Authority, options: str) -> Iterator[TlsServers]:
    """Addresses of servers that accept only TLS and require a client certificate, without options."""
    with request.param(authority, options) as servers:
        yield servers


@pytest.fixture
def servers(bare: TlsServers, options: str) -> TlsServers:
    """The same addresses with options."""
    return replace(bare, url=f"{bare.url}?{options}", servers=tuple(f"{server}?{options}" for server in bare.servers))


@pytest.fixture
def streams() -> Streams:
    """Keys of one slot that no other test has."""
    return Streams(f"{{test-{uuid.uuid4().hex[:12]}}}")


async def test_listings_of_both_publishers_are_answered_by_processes(
    servers: TlsServers, streams: Streams, small_model: SmallModel, tmp_path: Path
) -> None:
    settings = load_settings(
        home=tmp_path / "home",
        redis_url=SecretStr(servers.url),
        prefix=streams.prefix,
        mlflow_uri=small_model.registry.tracking_uri,
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
        async with AsyncListingPublisher(settings) as publisher_async:
            await publisher_async.publish(listing(read_boston_rows()[0], "l-2"))
        with connect(servers.url) as client:
            wait_until(lambda: client.xlen(streams.predictions) == 2, 120, "both listings are answered")
    finally:
        for process in processes:
            process.kill()


async def test_the_client_for_node_publishes_and_reads_its_answers(
    servers: TlsServers, streams: Streams, node_client: Path, tmp_path: Path
) -> None:
    async with running(servers.url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: len(consumer.flows) == 1)
        with connect(servers.url) as client:
            await check_answers(node_client, servers.url, client, streams, 1, tmp_path)


def test_gateway_consumer_and_monitor_work_with_the_rights_of_their_roles(
    servers: TlsServers, streams: Streams
) -> None:
    with ExitStack() as stack:
        admins = [stack.enter_context(connect(server)) for server in servers.servers]
        users = Users(admins[0], servers.url, streams.prefix)
        for admin in admins[1:]:
            users.create_on(admin)
        settings = gateway_settings(users.url("gateway"), streams.prefix)
        check_start(settings)
        stack.enter_context(consuming(users.url("consumer"), settings))
        web = stack.enter_context(serving([settings]))
        assert web.post("/predict", {"id": "r-1", **ROW}).json["prediction"] == PRICE_OF_ROW
        environment = {"TASADOR_REDIS_URL": users.url("monitor"), "TASADOR_PREFIX": streams.prefix}
        shown = CliRunner().invoke(app, ["status", "--json"], env=environment)
        assert shown.exit_code in STATUS_CODES, shown.output
        assert json.loads(shown.stdout)["totals"]["scored"] == 1
        assert [users.denied(admin) for admin in admins] == [[]] * len(admins)


def test_unknown_authority_is_an_error_of_one_line(bare: TlsServers, authority: Authority, tmp_path: Path) -> None:
    check_unknown_authority(bare.url, authority, tmp_path, "{unknown}")


def test_client_without_a_certificate_is_refused(bare: TlsServers, authority: Authority) -> None:
    check_no_certificate(bare.url, authority)
