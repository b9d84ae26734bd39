"""A gateway serves HTTPS with the files of its settings, and stops with one line if it cannot use them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from gateway.server import check_certificate
from schemas.gateway_settings import GatewaySettings
from tests.consumer.harness import ROW
from tests.gateway.system import HttpClient, consuming, gateway_settings, serving
from tests.security.certificates import Authority
from tests.tasador.typed_here import type_here


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "own")


@pytest.fixture
def served(redis_url: str, prefix: str, authority: Authority) -> Iterator[HttpClient]:
    """A gateway with the certificate of the authority, and a client that trusts it."""
    files = GatewaySettings(tls_certificate=authority.certificate, tls_key=authority.key)
    settings = gateway_settings(redis_url, prefix).model_copy(update={"gateway": files})
    trusting = ssl.create_default_context(cafile=authority.ca)
    with consuming(redis_url, settings), serving([settings], tls=trusting) as client:
        yield client


def test_requests_are_answered_over_https_alone(served: HttpClient) -> None:
    assert served.url.startswith("https://")
    assert served.post("/predict", ROW).status == 200
    stranger = HttpClient(served.port, tls=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.get("/livez")
    plain = HTTPConnection("127.0.0.1", served.port, timeout=60)
    plain.request("GET", "/livez")
    with pytest.raises((HTTPException, ConnectionError)):
        plain.getresponse()
    plain.close()


def test_files_that_do_not_belong_together_are_one_line(
    authority: Authority, redis_url: str, prefix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = Authority(tmp_path / "other")
    environment = {
        "TASADOR_REDIS_URL": redis_url,
        "TASADOR_PREFIX": prefix,
        "TASADOR_GATEWAY__TLS_CERTIFICATE": str(authority.certificate),
        "TASADOR_GATEWAY__TLS_KEY": str(other.key),
    }
    done = type_here(tmp_path, environment, capfd, "gateway", "--port", "0")
    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    assert done.stderr == (
        f"tasador: gateway.tls_certificate {authority.certificate} and gateway.tls_key {other.key} "
        "cannot be used together: KEY_VALUES_MISMATCH\n"
    )


@pytest.mark.parametrize(("content", "cause"), [(None, "No such file"), ("no certificate", "PEM|NO_START_LINE")])
def test_a_file_that_cannot_be_read_is_named(
    authority: Authority, tmp_path: Path, content: str | None, cause: str
) -> None:
    path = tmp_path / "own.crt"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(Exception, match=rf"own\.crt .* cannot be used together: .*({cause})"):
        check_certificate(GatewaySettings(tls_certificate=path, tls_key=authority.key))


def test_without_files_nothing_is_checked() -> None:
    check_certificate(GatewaySettings())
