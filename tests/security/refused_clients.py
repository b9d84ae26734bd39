"""What a client that trusts the wrong authority, or none, is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import RedisUnavailableError
from tests.security.certificates import Authority
from transport.connection import connect, speaking_to


def check_unknown_authority(address: str, authority: Authority, folder: Path, prefix: str) -> None:
    """A client of another authority, or of none, is refused, and `tasador status` says so in one line.

    Args:
        address: of the servers, without options.
        authority: of the servers' certificates.
        folder: for another authority.
        prefix: of a domain that nobody serves.
    """
    unknown = Authority(folder / "unknown")
    own = f"ssl_certfile={authority.certificate}&ssl_keyfile={authority.key}"
    urls = [f"{address}?{options}" for options in (f"ssl_ca_certs={unknown.ca}&{own}", own)]
    for url in urls:
        with pytest.raises(RedisUnavailableError, match="CERTIFICATE_VERIFY_FAILED"), speaking_to(url):
            connect(url).ping()
    done = subprocess.run(
        [sys.executable, "-m", "tasador", "status"],
        env=os.environ | {"TASADOR_REDIS_URL": urls[0], "TASADOR_PREFIX": prefix},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, "the domain is down"
    assert done.stderr.startswith("tasador: Redis at ")
    assert len(done.stderr.splitlines()) == 1


def check_no_certificate(address: str, authority: Authority) -> None:
    """A client without a certificate of its own is refused; arguments as of `check_unknown_authority`."""
    url = f"{address}?ssl_ca_certs={authority.ca}"
    with pytest.raises(RedisUnavailableError), speaking_to(url), connect(url) as client:
        client.ping()
