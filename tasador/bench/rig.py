"""The rig on which contenders are measured: a Redis, keys of its own, a home folder and a model.

It uses the default settings and ignores params.yaml and the environment, so every feature of the consumer is on.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from copy import copy
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr

from registry.versions import ModelVersionInfo
from schemas.errors import BenchmarkError
from schemas.sections import DomainSettings
from schemas.settings import PARAMS_VARIABLE, PREFIX, Settings
from tasador.bench.contenders.contender import ANY_COST, CONSUMER
from tasador.bench.model import activate, save_booster
from tasador.bench.process import ContenderProcess
from tasador.machine.private_redis import PrivateRedis
from transport.connection import connect, speaking_to
from transport.reading import newest

DEFAULTS: Mapping[str, str] = {}
START_TIMEOUT_S = 60.0


@contextmanager
def bench_workspace(redis_url: str | None = None) -> Iterator[tuple[str, Path]]:
    """The URL of a Redis and a temporary folder; without a URL, of a private Redis that keeps nothing on disk.

    Raises:
        RedisUnavailableError: Redis does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="tasador-bench-") as folder:
        home = Path(folder)
        with _private_redis(home / "redis") if redis_url is None else nullcontext(redis_url) as url, speaking_to(url):
            yield url, home


@contextmanager
def _private_redis(folder: Path) -> Iterator[str]:
    server = PrivateRedis(folder)
    server.start()
    try:
        with connect(server.url) as client:
            client.config_set("appendonly", "no")
        yield server.url
    finally:
        server.stop()


def settings_for(url: str, home: Path, domain: str = "housing", path: str | None = None) -> Settings:
    """The default settings with a prefix of their own, whose keys share one slot of a cluster.

    Args:
        url: of the Redis.
        home: the rig's folder.
        domain: whose listings are scored.
        path: of the domain's class, if the domain is not built in.
    """
    prefix = f"{{bench-{uuid.uuid4().hex[:12]}}}"
    domains = {domain: DomainSettings(path=path)}
    return Settings.model_construct(redis_url=SecretStr(url), home=home, prefix=prefix, domain=domain, domains=domains)


class Rig:
    """Where contenders are measured, one at a time.

    Args:
        url: of the Redis.
        settings: from `settings_for`.
        model: the registered version that all contenders use; bare programs can only use an XGBoost model.

    Attributes:
        model: that version.
        streams: the rig's keys.
        consumer_settings: of the product's consumers, where they differ from the defaults.
        client: a connection for measurements.
    """

    def __init__(self, url: str, settings: Settings, model: ModelVersionInfo) -> None:
        self.url = url
        self.settings = settings
        self.streams = settings.streams
        self.client = connect(url)
        self.model = model
        self.consumer_settings = DEFAULTS

    @cached_property
    def booster(self) -> Path:
        """The file of the model's booster, for contenders that do not use the registry; written when first needed."""
        path = self.settings.home / "booster.ubj"
        save_booster(self.model, path)
        return path

    def serving(self, model: ModelVersionInfo) -> Rig:
        """The same rig with consumers that run another model of its registry, whatever it costs."""
        rig = copy(self)
        rig.model, rig.consumer_settings = model, ANY_COST
        return rig

    def activate(self, model: ModelVersionInfo | None = None) -> None:
        """Activate the rig's model, or another one of its registry."""
        activate(self.settings, self.url, model or self.model)

    def environment(self, settings: Mapping[str, str] = DEFAULTS) -> dict[str, str]:
        """The environment of a contender's process, without the user's settings.

        Args:
            settings: those that differ from the defaults, by variable without the prefix.
        """
        no_params = self.settings.home / "params.yaml"
        no_params.touch()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        own = self.settings
        variables = {
            "HOME": str(own.home),
            "REDIS_URL": self.url,
            "PREFIX": self.streams.prefix,
            "DOMAIN": own.domain,
            "DOMAINS": json.dumps({name: {"path": domain.path} for name, domain in own.domains.items()}),
            **self.consumer_settings,
            **settings,
        }
        return inherited | {PARAMS_VARIABLE: str(no_params)} | {PREFIX + name: text for name, text in variables.items()}

    @contextmanager
    def starting_consumer(self, settings: Mapping[str, str] = DEFAULTS) -> Iterator[ContenderProcess]:
        """Activate the model and run a consumer of the product; does not wait for it and keeps the rig's keys."""
        self.activate()
        log = self.settings.home / "consumer.log"
        with ContenderProcess("tasador consumer", CONSUMER, self.environment(settings), log) as process:
            yield process

    @contextmanager
    def consumer(self, settings: Mapping[str, str] = DEFAULTS) -> Iterator[ContenderProcess]:
        """Run a consumer on empty keys, yield it once it has loaded the model, and delete the keys at the end.

        Raises:
            BenchmarkError: the consumer died, or did not load the model in time.
        """
        self.clear()
        try:
            with self.starting_consumer(settings) as process:
                deadline_s = time.monotonic() + START_TIMEOUT_S
                while not any(
                    b"model.swapped" in fields[b"data"]
                    for _, fields in newest(self.client, self.streams.model_events, 1)
                ):
                    process.usage()
                    if time.monotonic() > deadline_s:
                        raise BenchmarkError(f"no model loaded within {START_TIMEOUT_S:g} s: {process.last_line()}")
                    time.sleep(0.05)
                yield process
        finally:
            self.clear()

    def clear(self) -> None:
        """Delete the rig's keys, and free their memory before returning."""
        for pattern in (f"{self.streams.prefix}*", self.streams.features("*")):
            for key in list(self.client.scan_iter(pattern, count=1000)):
                self.client.delete(key)
        self.client.memory_purge()
