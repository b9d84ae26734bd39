"""Errors of connections are one line without the password, and are known to be transient or permanent."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import pytest
import redis
import redis.exceptions

from schemas.errors import ConfigurationError, RedisUnavailableError
from schemas.streams import Streams
from tests.conftest import StartRedis
from tests.consumer.harness import event, publish, running, settings_for
from tests.redis_server import RedisServer
from tests.waiting import wait_until, wait_until_async
from transport.address import TLS_OPTIONS, passwords_of, without_password
from transport.connection import connect, connect_async, is_transient, speaking_to
from transport.pipelined_connection import PipelinedConnection


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _refused(url: str, timeout_s: float = 5) -> str:
    with pytest.raises(RedisUnavailableError) as caught, speaking_to(url), connect(url, timeout_s) as client:
        client.ping()
    message = str(caught.value)
    assert "\n" not in message
    assert "hunter2" not in message
    return message


def test_a_server_that_is_not_there_is_named(closed_port: int) -> None:
    shown = f"redis://tasador:***@127.0.0.1:{closed_port}/0"
    message = _refused(f"redis://tasador:hunter2@127.0.0.1:{closed_port}/0")
    assert message.startswith(f"Redis at {shown} does not answer: Error 111 connecting to 127.0.0.1:{closed_port}")


def test_a_host_that_does_not_exist_is_named() -> None:
    assert _refused("redis://:hunter2@no-such-host.invalid:6379").startswith(
        "Redis at redis://:***@no-such-host.invalid:6379 does not answer: "
    )


def test_a_silent_server_times_out(silent_port: int) -> None:
    message = _refused(f"redis://127.0.0.1:{silent_port}", timeout_s=0.1)
    assert message.startswith(f"Redis at redis://127.0.0.1:{silent_port} does not answer: Timeout")


async def test_an_asynchronous_client_raises_the_same_error(closed_port: int) -> None:
    url = f"redis://127.0.0.1:{closed_port}"
    with pytest.raises(RedisUnavailableError, match=f"^Redis at {url} does not answer: ") as caught, speaking_to(url):
        async with connect_async(url) as client:
            await client.ping()
    assert "\n" not in str(caught.value)


def test_a_wrong_password_or_missing_right_differs_from_no_answer(private_redis: StartRedis) -> None:
    server = private_redis("--requirepass", "right")
    address = f"127.0.0.1:{server.port}"
    with connect(f"redis://:right@{address}") as client:
        client.acl_setuser("reader", enabled=True, passwords=["+hunter2"], keys=["*"], commands=["+get"])
    for credentials in (":hunter2@", "", "nobody:hunter2@"):
        assert f"{address} refused the user or password: " in _refused(f"redis://{credentials}{address}")
    assert "no permissions to run the 'ping' command" in _refused(f"redis://reader:hunter2@{address}")


@pytest.mark.parametrize("url", ["localhost:6379", "user:hunter2@host", "http://:hunter2@host", "redis://:hunter2/x@h"])
def test_an_invalid_redis_url_is_refused_in_one_line(url: str) -> None:
    for open_client in (connect, connect_async):
        with pytest.raises(ConfigurationError, match=r"^'.+' is no Redis URL: ") as caught:
            open_client(url)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "option",
    [
        *("decode_responses=True", "protocol=3", "legacy_responses=false", "encoding=latin-1", "unknown=1", "unknown"),
        *("socket_timeout=0.01", "timeout=0.1", "socket_connect_timeout=0.01", "health_check_interval=1"),
        *(
            "max_connections=1",
            "retry_on_timeout=True",
            "retry_on_error=x",
            "socket_keepalive=no",
            "host=other",
            "path=x",
        ),
        *("ssl_foo=1", "ssl_min_version=1", "ssl_validate_ocsp=true"),
    ],
)
def test_options_that_would_break_the_client_are_refused_by_name(option: str) -> None:
    for open_client in (connect, connect_async):
        with pytest.raises(
            ConfigurationError, match=f"the option {option.partition('=')[0]} is not supported"
        ) as caught:
            open_client(f"redis://:hunter2@localhost?{option}")
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("address", ["redis://localhost", "unix:///run/redis.sock"])
def test_options_of_tls_need_tls(address: str) -> None:
    with pytest.raises(ConfigurationError, match="the option ssl_cert_reqs is for TLS: use rediss://"):
        connect(f"{address}?ssl_cert_reqs=none")


WRONG_VALUES = {
    "redis://localhost?db=x": "the option db must be a number",
    "redis://localhost?db=-1": "the option db must be a number",
    "redis://localhost?client_name=two%20words": "the option client_name must not contain blanks",
    "rediss://localhost?ssl_cert_reqs=maybe": "the option ssl_cert_reqs must be one of none, optional, required",
    "rediss://localhost?ssl_ca_certs=/nowhere/ca.crt": "the option ssl_ca_certs names /nowhere/ca.crt, which does not",
    "redis://localhost/housing": "is no Redis URL: use redis://host:port/db",
    "unix://run/redis.sock": "is no Redis URL: .+ unix:///path",
    "unix://": "is no Redis URL: .+ unix:///path",
}


@pytest.mark.parametrize("url", WRONG_VALUES)
def test_an_option_with_a_wrong_value_is_refused_in_one_line(url: str) -> None:
    for open_client in (connect, connect_async):
        with pytest.raises(ConfigurationError, match=WRONG_VALUES[url]) as caught:
            open_client(url)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", ["", "?db=1", "?client_name=scorer", "?db=2&client_name=scorer"])
async def test_options_that_are_supported_work(private_redis: StartRedis, option: str) -> None:
    url = f"{private_redis().url.removesuffix('/0')}{option}"
    with connect(url) as client:
        assert client.ping()
    async with connect_async(url) as asynchronous:
        assert await asynchronous.ping()
        connection = PipelinedConnection(asynchronous, "key")
        assert await connection.ask("PING") == b"PONG"
        await connection.close()


async def test_both_clients_have_every_option_of_tls_that_is_supported(tmp_path: Path) -> None:
    values = {"ssl_cert_reqs": "none", "ssl_check_hostname": "false"}
    query = "&".join(f"{option}={values.get(option, quote(str(tmp_path)))}" for option in TLS_OPTIONS)
    for client in (connect(f"rediss://localhost?{query}"), connect_async(f"rediss://localhost?{query}")):
        assert set(TLS_OPTIONS) <= set(client.connection_pool.connection_kwargs)
        assert client.connection_pool.make_connection()


@pytest.mark.parametrize("database", ["/99", "?db=99"])
def test_a_database_that_the_server_does_not_have_is_an_error_of_one_line(
    private_redis: StartRedis, database: str
) -> None:
    url = f"{private_redis().url.removesuffix('/0')}{database}"
    assert _refused(url) == f"Redis at {url} has no such database: DB index is out of range"


@pytest.mark.parametrize("password", ["hun{}ter2", "12{}34", "hun{}db=34", "hun{}password=34", "hun{}a=34&b=56"])
@pytest.mark.parametrize("character", "#/?")
def test_an_unquoted_password_is_not_shown(password: str, character: str) -> None:
    """One that begins with digits would be read as a port, and shown when its host is not found."""
    for open_client in (connect, connect_async):
        with pytest.raises(ConfigurationError, match=r"quote #, /, \? and @") as caught:
            open_client(f"redis://user:{password.format(character)}@localhost:6379/0")
        shown = str(caught.value).partition(" is no Redis URL")[0]
        assert [part for part in ("hun", "ter2", "12", "34", "56") if part in shown] == []


@pytest.mark.parametrize("value", ["hun&ter2", "hun#ter2", "hun@ter2", "hun&ter2=5&db=1", "hun&ssl_ter2"])
def test_an_unquoted_password_in_an_option_is_not_shown(value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect(f"redis://localhost?password={value}")
    assert [part for part in ("hun", "ter2") if part in str(caught.value)] == []


@pytest.mark.parametrize("password", ["a#b", "a@b", "a/b", "a%b", "a?b&c", "a\"b'c", "a[b]", "é ü", "a:b", "%23", "\\"])
async def test_a_quoted_password_may_hold_any_character(private_redis: StartRedis, password: str) -> None:
    address = f"127.0.0.1:{private_redis('--requirepass', password).port}"
    quoted = quote(password, safe="")
    for url in (f"redis://:{quoted}@{address}", f"redis://{address}?password={quoted}"):
        with connect(url) as client:
            assert client.ping()
        async with connect_async(url) as asynchronous:
            assert await asynchronous.ping()
        assert password in passwords_of(url)
        wrong = url.replace(quoted, f"{quoted}hunter2")
        assert "refused the user or password" in _refused(wrong)


async def test_a_unix_socket_serves_every_kind_of_connection(private_redis: StartRedis, tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    private_redis("--unixsocket", str(path))
    url = f"unix://{path}?db=1"
    with connect(url) as client:
        assert client.set("k", "v")
    async with connect_async(url) as client:
        assert await client.get("k") == b"v"
        connection = PipelinedConnection(client, "key")
        assert await connection.ask("GET", "k") == b"v"
        await connection.close()


async def test_a_consumer_works_over_a_unix_socket(private_redis: StartRedis, tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    private_redis("--unixsocket", str(path))
    url, streams = f"unix://{path}", Streams("p")
    with connect(url) as client:
        publish(client, streams, [event("l-1")])
        async with running(url, settings_for("p")):
            await wait_until_async(lambda: client.xlen(streams.predictions))


SHOWN = {
    "redis://localhost:6379/0": "redis://localhost:6379/0",
    "redis://:hunter2@localhost": "redis://:***@localhost",
    "rediss://user:hunter2@localhost:1/2": "rediss://user:***@localhost:1/2",
    "redis://user:hun@ter2@localhost": "redis://user:***@localhost",
    "redis://user:hunter2://x@localhost": "redis://user:***@localhost",
    "redis://localhost?password=hunter2&db=1": "redis://localhost?password=***&db=1",
    "unix://user:hunter2@/run/redis.sock?db=1": "unix://user:***@/run/redis.sock?db=1",
    "user:hunter2@localhost": "user:***@localhost",
    "redis://hunter2@localhost": "redis://***@localhost",
    "redis://localhost?password=hun&ter2&db=1": "redis://localhost?password=***&db=1",
    "redis://localhost?password=hun#ter2": "redis://localhost?password=***",
    "redis://localhost?password=hun@ter2": "redis://***",
    "redis://user:hun?password=@ter2": "redis://***",
}


@pytest.mark.parametrize("url", SHOWN)
def test_a_url_is_shown_without_its_password(url: str) -> None:
    assert without_password(url) == SHOWN[url]


def test_other_errors_are_raised_unchanged(redis_client: redis.Redis, redis_url: str, prefix: str) -> None:
    redis_client.set(f"{prefix}:text", "x")
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"), speaking_to(redis_url):
        redis_client.xlen(f"{prefix}:text")


WRITE = "return redis.call('SET', KEYS[1], 'x')"
CANNOT_WRITE = {
    "OOM": ("--maxmemory", "1"),
    "READONLY": ("--replicaof", "127.0.0.1", "1"),
    "NOREPLICAS": ("--min-replicas-to-write", "1"),
}


@pytest.mark.parametrize("code", CANNOT_WRITE)
def test_a_server_that_cannot_write_now_is_a_transient_error(private_redis: StartRedis, code: str) -> None:
    _assert_is_transient(private_redis(*CANNOT_WRITE[code]))


@pytest.mark.parametrize("code", CANNOT_WRITE)
def test_redis_6_2_that_cannot_write_now_is_a_transient_error(
    private_redis: StartRedis, redis_6_2: Path, code: str
) -> None:
    _assert_is_transient(private_redis(*CANNOT_WRITE[code], binary=redis_6_2))


def _assert_is_transient(server: RedisServer) -> None:
    with connect(server.url) as client:
        for script in (False, True):
            with pytest.raises(redis.exceptions.ResponseError) as caught:
                client.eval(WRITE, 1, "k") if script else client.set("k", "x")
            assert is_transient(caught.value), str(caught.value)
        with pytest.raises(RedisUnavailableError, match="does not answer: "), speaking_to(server.url):
            client.eval(WRITE, 1, "k")


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (redis.exceptions.ConnectionError("Connection closed by server."), True),
        (redis.exceptions.TimeoutError("Timeout reading from socket"), True),
        (redis.exceptions.BusyLoadingError("loading"), True),
        (redis.exceptions.MasterDownError("Link with MASTER is down"), True),
        (ConnectionResetError(), True),
        (redis.exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"), True),
        (redis.exceptions.ResponseError("BUSY Redis is busy running a script"), True),
        (redis.exceptions.ResponseError("OOM command not allowed when used memory > 'maxmemory'"), True),
        (redis.exceptions.ResponseError("BUSYGROUP Consumer Group name already exists"), False),
        (redis.exceptions.ResponseError("WRONGTYPE Operation against a key"), False),
        (redis.exceptions.ResponseError("NOGROUP No such key"), False),
        (redis.exceptions.AuthenticationError("WRONGPASS"), False),
        (redis.exceptions.NoPermissionError("NOPERM"), False),
        (ValueError("no"), False),
    ],
)
def test_which_errors_are_transient(error: Exception, *, transient: bool) -> None:
    assert is_transient(error) is transient


class ClosingHandler(socketserver.BaseRequestHandler):
    """Answers like Redis, but closes the connection instead of answering XADD."""

    seen: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        while (received := self.request.recv(65_536)) and b"XADD" not in received:
            self.request.sendall(b"+OK\r\n" * received.count(b"SETINFO"))
        self.seen.append(received)


@pytest.fixture
def closing_url() -> Iterator[str]:
    ClosingHandler.seen.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), ClosingHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"redis://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


async def test_a_command_without_a_reply_is_not_sent_again(closing_url: str) -> None:
    with connect(closing_url) as client, pytest.raises(redis.exceptions.ConnectionError):
        client.xadd("listings", {"data": "{}"})
    async with connect_async(closing_url) as asynchronous:
        with pytest.raises(redis.exceptions.ConnectionError):
            await asynchronous.xadd("listings", {"data": "{}"})
    wait_until(lambda: len(ClosingHandler.seen) == 2, message="both connections were closed")
    assert [received.count(b"XADD") for received in ClosingHandler.seen] == [1, 1]
