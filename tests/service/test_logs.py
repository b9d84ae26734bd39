from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from schemas.settings import Settings, load_settings
from service.logs import BROKER, configure, log_settings

logger = logging.getLogger("consumer.scoring_loop")


def _settings(**settings: Any) -> Settings:
    return load_settings(**settings)


def test_a_json_line_has_the_message_and_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure(_settings(log_format="json"))
    logger.info("batch committed", extra={"entries": 1000})
    record = json.loads(capsys.readouterr().err)
    assert record.pop("time").endswith("+00:00")
    assert record == {"level": "INFO", "logger": "consumer.scoring_loop", "message": "batch committed", "entries": 1000}


def test_a_text_line_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    configure(_settings(log_format="text"))
    logger.warning("commit sent again", extra={"attempt": 2})
    assert capsys.readouterr().err.endswith(" WARNING consumer.scoring_loop: commit sent again attempt=2\n")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_passwords_never_reach_the_log(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    url = "redis://ops:s3%40cret@localhost/0"
    configure(_settings(log_format=log_format, redis_url=SecretStr(url), mlflow_uri="http://u:hush@mlflow:5000"))
    error = ValueError(f"cannot connect to {url} with s3@cret")
    logger.error("connection failed", extra={"mlflow": "http://u:hush@mlflow:5000"}, exc_info=error)
    written = capsys.readouterr().err
    assert "cannot connect to redis://ops:***@localhost/0 with ***" in written
    assert "hush" not in written


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("password", ["hun\"t'er2", "hun#t@er2", "hun/t%er2", "hun\\té er2", "hun[t]er2"])
def test_no_form_of_a_password_reaches_the_log(
    capsys: pytest.CaptureFixture[str], log_format: str, password: str
) -> None:
    url = f"redis://ops:{quote(password, safe='')}@localhost/0"
    settings = _settings(log_format=log_format, redis_url=SecretStr(url), mlflow_uri="http://u:hush@mlflow:5000")
    configure(settings)
    log_settings(settings)
    logger.error("%s %r %s", password, password, url, extra={"words": [password], "url": url})
    written = capsys.readouterr().err
    assert [part for part in ("hun", "er2", "hush") if part in written] == []
    assert "redis://ops:***@localhost/0" in written


@pytest.mark.parametrize("url", ["redis://:hun[ter2@localhost", "redis://:hun/ter2@localhost", "redis", ""])
def test_an_address_that_cannot_be_read_does_not_stop_the_log(capsys: pytest.CaptureFixture[str], url: str) -> None:
    settings = _settings(redis_url=SecretStr(url))
    configure(settings)
    log_settings(settings)
    assert "ter2" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["faststream", BROKER, "uvicorn.error"])
def test_the_frameworks_use_our_format(capsys: pytest.CaptureFixture[str], name: str) -> None:
    configure(_settings(log_format="json"))
    logging.getLogger(name).error("it broke")
    captured = capsys.readouterr()
    assert json.loads(captured.err)["logger"] == name
    assert captured.out == ""


def test_the_level_is_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    configure(_settings(log_level="ERROR"))
    logger.warning("not now")
    logging.getLogger("uvicorn.error").warning("nor this")
    assert capsys.readouterr().err == ""


def test_servers_log_only_warnings_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    configure(_settings())
    logging.getLogger("uvicorn.error").info("Started server process")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_settings_are_logged_once_with_secrets_masked(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    url = "redis://ops:s3%40cret@localhost/0"
    settings = _settings(log_format=log_format, redis_url=SecretStr(url), mlflow_uri="http://u:hush@mlflow:5000")
    configure(settings)
    log_settings(settings)
    (line,) = capsys.readouterr().err.splitlines()
    assert "redis://ops:***@localhost/0" in line
    assert "http://u:***@mlflow:5000" in line
    assert "claim_idle_ms" in line
    assert "hush" not in line
    assert "s3%40cret" not in line
