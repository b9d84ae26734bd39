"""The settings: one frozen object, read once at the entry point from params.yaml and the environment.

`params.yaml` holds behaviour and experiment parameters; variables ``TASADOR_…`` hold addresses, secrets and overrides,
with two underscores between nested keys (``TASADOR_BATCH__MAX_RECORDS=500``). An unknown key or variable is an error
that names it.
"""

from __future__ import annotations

import os
from json import JSONDecodeError
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from schemas import sections
from schemas.archive_settings import ArchiveSettings
from schemas.command_line import DEFAULT_DOMAIN
from schemas.console_settings import ConsoleSettings
from schemas.domain import BUILT_IN, Domain, load_domain
from schemas.errors import ConfigurationError
from schemas.event_size import check_limits_admit
from schemas.feature_store_settings import FeatureStoreSettings
from schemas.gateway_settings import GatewaySettings
from schemas.interval_settings import IntervalSettings
from schemas.rollout_settings import RolloutSettings
from schemas.shards import MAX_SHARDS
from schemas.streams import Streams
from schemas.tracing_settings import TracingSettings

PREFIX = "TASADOR_"
PARAMS_VARIABLE = "TASADOR_PARAMS"
PARAMS_FILE = "params.yaml"


class Settings(BaseSettings):
    """All settings. Build with `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    home: Path = Field(Path(".tasador"), description="folder for state on one machine")
    redis_url: SecretStr | None = Field(
        None, description="URL of Redis, of Sentinels or of a cluster; by default the private Redis of `tasador up`"
    )
    mlflow_uri: str | None = Field(None, description="MLflow tracking URI; by default SQLite in the home folder")
    domain: str = Field(DEFAULT_DOMAIN, description="domain of a command")
    dask: str | None = Field(None, description="address of a Dask scheduler on whose workers trainings run")
    prefix: str | None = Field(None, description="prefix of all keys; the domain's name by default")
    host: str = Field("127.0.0.1", description="address on which processes serve HTTP; 0.0.0.0 in a container")
    log_format: Literal["text", "json"] = Field("text", description="format of logs")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="lowest level that is logged")

    domains: dict[str, sections.DomainSettings] = Field(
        default_factory=lambda: {"housing": sections.DomainSettings()},
        description="domains that `tasador up` runs, by name",
    )
    allowed_types: tuple[str, ...] = Field(
        (), description="full names of further types that a stored model may hold, for recipes of your own"
    )
    claim_idle_ms: PositiveInt = Field(
        5_000, description="time that an entry is pending before another consumer claims it, in ms"
    )
    max_deliveries: PositiveInt = Field(3, description="deliveries after which an entry becomes a poison dead letter")
    dedup_seconds: int = Field(
        300, ge=0, description="time for which predicted identities are stored, in s; 0 turns deduplication off"
    )
    dedup_max_ids: PositiveInt = Field(1_000_000, description="largest number of stored identities")
    shards: PositiveInt = Field(
        1, le=MAX_SHARDS, description="shards that a new domain begins with; `tasador shards set` changes them"
    )
    high_water: PositiveInt = Field(1_000_000, description="backlog at which publishers wait")
    registry_poll_s: PositiveFloat = Field(
        3.0, description="interval at which the worker checks whether the champion alias has moved, in s"
    )
    heartbeat_s: PositiveFloat = Field(2.0, le=5, description="interval of a process's heartbeats, in s")
    limits: sections.LimitSettings = sections.LimitSettings()
    rate_limit: sections.RateLimitSettings = sections.RateLimitSettings()
    replies: sections.ReplySettings = sections.ReplySettings()
    explain: sections.ExplainSettings = sections.ExplainSettings()
    features: FeatureStoreSettings = FeatureStoreSettings()
    gateway: GatewaySettings = GatewaySettings()
    rollout: RolloutSettings = RolloutSettings()
    console: ConsoleSettings = ConsoleSettings()
    tracing: TracingSettings = TracingSettings()
    batch: sections.BatchSettings = sections.BatchSettings()
    swap: sections.SwapSettings = sections.SwapSettings()
    retention: sections.RetentionSettings = sections.RetentionSettings()
    window: sections.WindowSettings = sections.WindowSettings()
    monitor: sections.MonitorSettings = sections.MonitorSettings()
    drift: sections.DriftSettings = sections.DriftSettings()
    outcomes: sections.OutcomeSettings = sections.OutcomeSettings()
    archive: ArchiveSettings = ArchiveSettings()
    loop: sections.LoopSettings = sections.LoopSettings()
    sources: sections.SourcesSettings = sections.SourcesSettings()
    training: sections.TrainingSettings = sections.TrainingSettings()
    gate: sections.GateSettings = sections.GateSettings()
    interval: IntervalSettings = IntervalSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment overrides params.yaml, which `load_settings` passes as init arguments."""
        return env_settings, init_settings

    @property
    def streams(self) -> Streams:
        """The keys of the chosen domain."""
        return Streams(self.prefix or self.domain)

    def load_domain(self) -> Domain:
        """The chosen domain, whose events can pass the limits.

        Raises:
            DomainError: it does not exist, its class cannot be read, or its declaration is not valid.
            ConfigurationError: the limits do not admit its events.
        """
        listed = self.domains.get(self.domain, sections.DomainSettings())
        domain = load_domain(self.domain, listed.path, listed.may_miss)
        check_limits_admit(domain, self.limits)
        return domain

    def for_domain(self, domain: str) -> Settings:
        """The same settings for another domain.

        Raises:
            ConfigurationError: there is no such domain.
        """
        if domain not in self.domains and domain not in BUILT_IN:
            known = ", ".join(sorted({*self.domains, *BUILT_IN}))
            raise ConfigurationError(
                f"no domain {domain!r}; known domains are {known}; add your own to `domains` in params.yaml"
            )
        return self.model_copy(update={"domain": domain})


def load_settings(params: Path | None = None, **overrides: Any) -> Settings:
    """Read params.yaml and the environment.

    Args:
        params: the file; by default that of TASADOR_PARAMS, else params.yaml in the current folder if it exists.
        overrides: settings that override both, such as command-line options; None means not given.

    Raises:
        ConfigurationError: a key or variable is unknown or has a wrong value; the message names it and its source.
    """
    path = params or find_params()
    values = _read_params(path) if path else {}
    _refuse_unknown_variables()
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigurationError(_validation_message(error, path or Path(PARAMS_FILE))) from error
    except SettingsError as error:
        raise ConfigurationError(_json_message(error)) from error
    given = {key: value for key, value in overrides.items() if value is not None}
    domain = given.pop("domain", settings.domain)
    return settings.model_copy(update=given).for_domain(domain)


def find_params() -> Path | None:
    """The file of settings: that of TASADOR_PARAMS, else params.yaml in the current folder if it exists."""
    if PARAMS_VARIABLE in os.environ:
        return Path(os.environ[PARAMS_VARIABLE])
    path = Path(PARAMS_FILE)
    return path if path.exists() else None


def _read_params(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"{path}{line}: not valid YAML: {getattr(error, 'problem', None) or error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigurationError(f"{path}: the top level must be a mapping of settings")
    return values


def _refuse_unknown_variables() -> None:
    known = set(Settings.model_fields)
    for variable in os.environ:
        if not variable.startswith(PREFIX) or variable == PARAMS_VARIABLE:
            continue
        key, _, rest = variable.removeprefix(PREFIX).lower().partition("__")
        section = Settings.model_fields[key].annotation if key in known else None
        nested = section.model_fields if isinstance(section, type) and issubclass(section, sections.Section) else ()
        # users choose the names of domains
        if key not in known or (rest and key != "domains" and rest not in nested):
            raise ConfigurationError(f"environment variable {variable}: there is no such setting")


def _json_message(error: SettingsError) -> str:
    """Names the variable whose list or section is not valid JSON; the error's cause holds only its text."""
    if not isinstance(error.__cause__, JSONDecodeError):
        return str(error)
    text = error.__cause__.doc
    variable = next(name for name, value in os.environ.items() if name.startswith(PREFIX) and value == text)
    return f"environment variable {variable}: not valid JSON: {error.__cause__.msg}"


def _validation_message(error: ValidationError, path: Path) -> str:
    first = error.errors(include_url=False)[0]
    location = [str(part) for part in first["loc"]]
    variable = PREFIX + "__".join(location).upper()
    source = f"environment variable {variable}" if variable in os.environ else f"{path}: {'.'.join(location)}"
    message = "there is no such setting" if first["type"] == "extra_forbidden" else first["msg"]
    return f"{source}: {message}"
