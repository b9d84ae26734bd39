"""Settings: their sources, precedence and error messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from schemas.errors import ConfigurationError, DomainError
from schemas.settings import Settings, load_settings
from schemas.streams import Streams

WriteParams = Callable[[str | bytes], Path]


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteParams:
    """Writes params.yaml into an empty current folder."""
    monkeypatch.chdir(tmp_path)

    def write(content: str | bytes) -> Path:
        path = tmp_path / "params.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def _refused(message: str, path: Path | None = None, **overrides: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        load_settings(path, **overrides)


@pytest.mark.usefixtures("params")
def test_without_a_file_and_variables_settings_have_defaults() -> None:
    settings = load_settings()
    assert settings == Settings()
    assert (settings.claim_idle_ms, settings.max_deliveries, settings.limits.max_payload_bytes) == (5000, 3, 65_536)
    assert (settings.batch.max_records, settings.high_water, settings.dedup_max_ids) == (1000, 1_000_000, 1_000_000)
    assert (settings.redis_url, settings.mlflow_uri, settings.domain) == (None, None, "housing")


def test_params_of_the_current_folder_are_read(params: WriteParams) -> None:
    params("claim_idle_ms: 700\nbatch: {max_records: 50}\n")
    settings = load_settings()
    assert (settings.claim_idle_ms, settings.batch.max_records, settings.batch.block_ms) == (700, 50, 500)


def test_a_named_file_wins_over_the_current_folder(
    params: WriteParams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params("max_deliveries: 4\n")
    other = tmp_path / "other.yaml"
    other.write_text("max_deliveries: 5\n", encoding="utf-8")
    monkeypatch.setenv("TASADOR_PARAMS", str(other))
    assert load_settings().max_deliveries == 5
    assert load_settings(tmp_path / "params.yaml").max_deliveries == 4


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n"])
def test_an_empty_file_changes_nothing(params: WriteParams, content: str) -> None:
    params(content)
    assert load_settings() == Settings()


def test_the_environment_wins_over_params(params: WriteParams, monkeypatch: pytest.MonkeyPatch) -> None:
    params("max_deliveries: 4\nbatch: {max_records: 50, block_ms: 60}\n")
    monkeypatch.setenv("TASADOR_MAX_DELIVERIES", "9")
    monkeypatch.setenv("TASADOR_BATCH__MAX_RECORDS", "500")
    settings = load_settings()
    assert (settings.max_deliveries, settings.batch.max_records, settings.batch.block_ms) == (9, 500, 60)


def test_overrides_win_over_the_environment(params: WriteParams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_DOMAIN", "obesity")
    assert load_settings().domain == "obesity"
    assert load_settings(domain=None).domain == "obesity"
    assert load_settings(domain="housing").domain == "housing"


def test_a_list_in_the_environment_is_json(params: WriteParams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_TRAINING__MODELS", '["kriging", "linear"]')
    assert load_settings().training.models == ("kriging", "linear")


def test_a_users_domain_may_come_from_the_environment(params: WriteParams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_DOMAINS__FLATS__PATH", "tests.schemas.awkward:OddlyNamedFlats")
    assert load_settings(domain="flats").load_domain().name == "flats"


def test_the_domain_chooses_the_keys(params: WriteParams, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(domain="obesity").streams == Streams("obesity")
    monkeypatch.setenv("TASADOR_PREFIX", "{housing.1}")
    assert load_settings().streams == Streams("{housing.1}")


def test_users_domains_and_optional_features_come_from_params(params: WriteParams) -> None:
    params(
        "domains:\n  housing: {may_miss: [RM]}\n  flats: {path: 'tests.schemas.awkward:OddlyNamedFlats'}\n"
        "  odd: {path: 'no.such:Thing'}\n"
    )
    assert [f.column for f in load_settings().load_domain().features if f.may_miss] == ["RM"]
    assert load_settings(domain="flats").load_domain().name == "flats"
    assert load_settings(domain="obesity").load_domain().name == "obesity"
    with pytest.raises(DomainError, match=r"^domain 'odd': cannot load 'no\.such:Thing': No module named 'no'$"):
        load_settings(domain="odd").load_domain()


def test_an_unknown_domain_is_an_error(params: WriteParams, monkeypatch: pytest.MonkeyPatch) -> None:
    message = "no domain 'hosing'; known domains are housing, obesity; add your own to `domains` in params.yaml"
    _refused(message, domain="hosing")
    monkeypatch.setenv("TASADOR_DOMAIN", "hosing")
    _refused(message)


NO_INTEGER = "Input should be a valid integer, unable to parse string as an integer"
MISTAKES: dict[str, tuple[str | bytes, str]] = {
    "unknown key": ("claim_idle: 5\n", "{path}: claim_idle: there is no such setting"),
    "unknown nested key": ("batch: {max_record: 5}\n", "{path}: batch.max_record: there is no such setting"),
    "unknown key of a domain": (
        "domains: {housing: {may_mis: [RM]}}\n",
        "{path}: domains.housing.may_mis: there is no such setting",
    ),
    "no number": (
        "max_deliveries: many\n",
        "{path}: max_deliveries: " + NO_INTEGER,
    ),
    "out of range": ("batch: {max_records: 0}\n", "{path}: batch.max_records: Input should be greater than 0"),
    "no section": (
        "batch: 5\n",
        "{path}: batch: Input should be a valid dictionary or instance of BatchSettings",
    ),
    "no mapping": ("- a\n- b\n", "{path}: the top level must be a mapping of settings"),
    "numbers for keys": ("1: 2\n", "{path}: the top level must be a mapping of settings"),
    "broken YAML": ("max_deliveries: 3\nbatch: {a: [}\n", "{path} line 2: not valid YAML: {problem}"),
    "a tab": ("batch:\n\tmax_records: 5\n", "{path} line 2: not valid YAML: {problem}"),
    "a Python object": ("home: !!python/object:os.system {}\n", "{path} line 1: not valid YAML: {problem}"),
    "not UTF-8": (b"domain: \xff\n", "{path}: not valid YAML: {problem}"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_params_is_named_with_its_key(params: WriteParams, case: str) -> None:
    content, message = MISTAKES[case]
    path = params(content)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path)
    expected, _, problem = message.format(path=path, problem="|").partition("|")
    assert str(caught.value).startswith(expected)
    assert problem == str(caught.value)[len(expected) :] or "{problem}" in message
    assert "\n" not in str(caught.value)


VARIABLES = {
    "unknown": ("TASADOR_REDIS", "x", "environment variable TASADOR_REDIS: there is no such setting"),
    "unknown nested": (
        "TASADOR_BATCH__SIZE",
        "5",
        "environment variable TASADOR_BATCH__SIZE: there is no such setting",
    ),
    "nested in a setting without sections": (
        "TASADOR_HIGH_WATER__MAX",
        "5",
        "environment variable TASADOR_HIGH_WATER__MAX: there is no such setting",
    ),
    "wrong value": (
        "TASADOR_HIGH_WATER",
        "high",
        "environment variable TASADOR_HIGH_WATER: " + NO_INTEGER,
    ),
    "wrong nested value": (
        "TASADOR_BATCH__BLOCK_MS",
        "-1",
        "environment variable TASADOR_BATCH__BLOCK_MS: Input should be greater than 0",
    ),
    "broken JSON": (
        "TASADOR_DOMAINS",
        "{housing",
        "environment variable TASADOR_DOMAINS: not valid JSON: Expecting property name enclosed in double quotes",
    ),
    "broken nested JSON": (
        "TASADOR_TRAINING__MODELS",
        "linear",
        "environment variable TASADOR_TRAINING__MODELS: not valid JSON: Expecting value",
    ),
}


@pytest.mark.parametrize("case", VARIABLES)
def test_a_mistake_in_the_environment_is_named(params: WriteParams, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    variable, value, message = VARIABLES[case]
    params("max_deliveries: 3\n")
    monkeypatch.setenv(variable, value)
    _refused(message)


def test_a_named_file_must_exist(params: WriteParams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "none.yaml"
    _refused(f"{missing}: cannot be read: No such file or directory", missing)
    monkeypatch.setenv("TASADOR_PARAMS", str(missing))
    _refused(f"{missing}: cannot be read: No such file or directory")


def test_settings_are_immutable() -> None:
    with pytest.raises(ValidationError):
        Settings().domain = "obesity"  # type: ignore[misc]


def test_secrets_are_never_shown(params: WriteParams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_REDIS_URL", "redis://user:hunter2@localhost:6379/0")
    settings = load_settings()
    assert settings.redis_url == SecretStr("redis://user:hunter2@localhost:6379/0")
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "hunter2" not in shown
