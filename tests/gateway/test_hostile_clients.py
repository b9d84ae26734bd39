"""Slow, broken and hostile clients are cut off, and others are served meanwhile."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from gateway.wire import AWAIT_BODY_S
from schemas.settings import Settings
from tests.conftest import own_prefix
from tests.consumer.harness import PRICE_OF_ROW, ROW
from tests.gateway.system import HttpClient, consuming, gateway_settings, serving
from tests.waiting import wait_until

TIMEOUT_S = 0.6
MAX_BODY = 300_000
AS_TEXT = {"Accept": "text/plain"}


@pytest.fixture(scope="module")
def strict_settings(redis_url: str) -> Iterator[Settings]:
    limits = {"request_timeout_s": TIMEOUT_S, "max_body_bytes": MAX_BODY, "max_batch": 100, "max_connections": 40}
    with own_prefix(redis_url) as prefix:
        yield gateway_settings(redis_url, prefix, gateway=limits)


@pytest.fixture(scope="module")
def strict(strict_settings: Settings, redis_url: str) -> Iterator[HttpClient]:
    with consuming(redis_url, strict_settings), serving([strict_settings]) as client:
        yield client


def opened(client: HttpClient) -> socket.socket:
    return socket.create_connection(("127.0.0.1", client.port), timeout=10)


def rest_of(connection: socket.socket) -> bytes:
    """What the gateway sends until it closes the connection."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def is_served(client: HttpClient) -> bool:
    return bool(client.post("/predict", ROW).json["prediction"] == PRICE_OF_ROW)


@pytest.mark.parametrize("sent", [b"", b"POST /predict HTTP/1.1\r\nHost: loc", b"GET /livez HTTP/1.1\r\n"])
def test_a_head_that_does_not_end_is_cut_off(strict: HttpClient, sent: bytes) -> None:
    with closing(opened(strict)) as connection:
        connection.sendall(sent)
        assert is_served(strict)
        started_s = time.monotonic()
        assert rest_of(connection) == b""
        assert time.monotonic() - started_s < 3 * TIMEOUT_S


def test_a_body_that_does_not_end_is_answered_with_408(strict: HttpClient) -> None:
    with closing(opened(strict)) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{")
        assert is_served(strict)
        answer = rest_of(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"slow_body" in answer


@pytest.mark.parametrize(
    "flood",
    [b"x-flood: " + b"a" * 400_000, b"".join(b"x-%d: 1\r\n" % number for number in range(60_000)), b"a" * 400_000],
    ids=["one long header", "many headers", "no header at all"],
)
def test_a_flood_of_headers_is_cut_off(strict: HttpClient, flood: bytes) -> None:
    with closing(opened(strict)) as connection:
        with suppress(ConnectionError):
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + flood)
        answer = rest_of(connection)
    assert not answer or answer.split(b" ", 2)[1] in {b"431", b"400"}
    assert is_served(strict)


def test_more_than_a_hundred_headers_are_refused(strict: HttpClient) -> None:
    many = b"".join(b"x-%d: 1\r\n" % number for number in range(150))
    with closing(opened(strict)) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + many + b"\r\n")
        assert rest_of(connection).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_a_body_beyond_the_limit_is_refused_with_413(strict: HttpClient, *, chunked: bool) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
    with closing(opened(strict)) as connection:
        if chunked:
            connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
            try:
                for _ in range(20):
                    connection.sendall(b"8000\r\n" + b"[" * 0x8000 + b"\r\n")
            except ConnectionError:
                pass
        else:
            connection.sendall(head + b"Content-Length: 99999999\r\n\r\n")
        answer = rest_of(connection)
    assert not answer or answer.startswith(b"HTTP/1.1 413 ")
    assert answer or chunked
    assert is_served(strict)


def test_too_many_listings_are_refused(strict: HttpClient) -> None:
    reply = strict.post("/predict/batch", [ROW] * 101)
    assert (reply.status, reply.json["reason"]) == (413, "too_many_listings")


def test_a_client_that_does_not_read_its_answer_is_cut_off(strict: HttpClient) -> None:
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", strict.port))
        request = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
        connection.sendall(30 * request)
        time.sleep(2.5 * TIMEOUT_S)  # the client does nothing, which is what the test is about
        assert len(rest_of(connection)) < 30 * 1_700_000
    assert is_served(strict)


def test_clients_that_leave_and_junk_do_no_harm(strict: HttpClient) -> None:
    body = json.dumps(ROW).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    for sent in (head + body, head + body[:20], b"\x16\x03\x01\x02\x00\x01", b"\0" * 100, b"PRI * HTTP/2.0\r\n\r\n"):
        for _ in range(5):
            with closing(opened(strict)) as connection:
                connection.sendall(sent)
    assert is_served(strict)


def test_more_connections_than_allowed_are_refused_and_the_others_served_again(strict: HttpClient) -> None:
    idle = [opened(strict) for _ in range(60)]
    with closing(opened(strict)) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert rest_of(connection).startswith(b"HTTP/1.1 503 ")
    for connection in idle:
        connection.close()
    assert is_served(strict)


def test_requests_sent_ahead_are_answered_in_order(strict: HttpClient) -> None:
    parts = []
    for rooms in (5, 6, 7):
        body = json.dumps({**ROW, "RM": rooms}).encode()
        parts.append(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n" % len(body))
        parts.append((b"Connection: close\r\n" if rooms == 7 else b"") + b"\r\n" + body)
    with closing(opened(strict)) as connection:
        connection.sendall(b"".join(parts))
        answers = rest_of(connection)
    assert [answers.find(b'"prediction":%d' % price) > 0 for price in (10, 12, 14)] == [True] * 3
    assert answers.find(b'"prediction":10') < answers.find(b'"prediction":12') < answers.find(b'"prediction":14')


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_a_body_may_come_in_parts(strict: HttpClient, cut: int) -> None:
    body = json.dumps(ROW).encode()
    with closing(opened(strict)) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body))
        connection.sendall(body[:cut])
        # longer than the gateway awaits a body before it makes a task
        time.sleep(2 * AWAIT_BODY_S if cut else 0)
        connection.sendall(body[cut:])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_clients_that_leave_before_their_answer_leave_nothing_behind(strict: HttpClient) -> None:
    body = json.dumps(ROW).encode()
    request = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    for _ in range(20):
        with closing(opened(strict)) as connection:
            connection.sendall(request)
    wait_until(lambda: b'waiting_requests{domain="housing"} 0.0' in strict.get("/metrics", AS_TEXT).body)
    assert is_served(strict)
