"""The rig: a Redis, keys of its own, a home folder and a model, on which contenders take turns.

Its settings are the product's defaults, whatever params.yaml and the environment say, so that everything is on.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from benchmarks.contenders import CONSUMER
from benchmarks.model import activate, save_booster
from benchmarks.process import ContenderProcess
from registry.versions import ModelVersionInfo
from schemas.errors import BenchmarkError
from schemas.sections import DomainSettings
from schemas.settings import PARAMS_VARIABLE, PREFIX, Settings
from transport.connection import connect
from transport.reading import newest

NOTHING: Mapping[str, str] = {}
START_S = 60.0
"""How long a consumer may take to start."""


def settings_for(url: str, home: Path, domain: str = "housing", path: str | None = None) -> Settings:
    """The default settings on a Redis, with a prefix that nobody else has and that suits a cluster.

    Args:
        url: the Redis.
        home: the rig's folder.
        domain: whose listings are scored.
        path: of its class, where it does not come with the project.
    """
    prefix = f"{{bench-{uuid.uuid4().hex[:12]}}}"
    domains = {domain: DomainSettings(path=path)}
    return Settings.model_construct(redis_url=SecretStr(url), home=home, prefix=prefix, domain=domain, domains=domains)


class Rig:
    """Where contenders are measured, one at a time.

    Args:
        url: the Redis.
        settings: from `settings_for`.
        model: the registered version that everybody predicts with; an XGBoost model.

    Attributes:
        model: that version.
        streams: the rig's keys.
        client: for whoever measures.
        booster: file of the model's booster, for those who do not use the registry.
    """

    def __init__(self, url: str, settings: Settings, model: ModelVersionInfo) -> None:
        self.url = url
        self.settings = settings
        self.streams = settings.streams
        self.client = connect(url)
        self.booster = settings.home / "booster.ubj"
        self.model = model
        save_booster(model, self.booster)

    def activate(self, model: ModelVersionInfo | None = None) -> None:
        """Make the rig's model the desired one, or another that is registered in its home."""
        activate(self.settings, self.url, model or self.model)

    def environment(self, settings: Mapping[str, str] = NOTHING) -> dict[str, str]:
        """The environment of a contender's process: the rig's addresses, and nothing of the user's settings.

        Args:
            settings: that are not to be the defaults, by their variables without the prefix.
        """
        no_params = self.settings.home / "params.yaml"
        no_params.touch()
        plain = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        own, named = self.settings, self.settings.domains
        domain = {
            "DOMAIN": own.domain,
            "DOMAINS": json.dumps({name: {"path": one.path} for name, one in named.items()}),
        }
        settled = {"HOME": str(own.home), "REDIS_URL": self.url, "PREFIX": self.streams.prefix, **domain, **settings}
        return plain | {PARAMS_VARIABLE: str(no_params)} | {PREFIX + name: value for name, value in settled.items()}

    @contextmanager
    def starting_consumer(self, settings: Mapping[str, str] = NOTHING) -> Iterator[ContenderProcess]:
        """A consumer of the product for as long as the `with` block, with the model active, on keys as they are."""
        self.activate()
        log = self.settings.home / "consumer.log"
        with ContenderProcess("tasador consumer", CONSUMER, self.environment(settings), log) as process:
            yield process

    @contextmanager
    def consumer(self, settings: Mapping[str, str] = NOTHING) -> Iterator[ContenderProcess]:
        """The same on empty keys, once it has its model; the keys are deleted after it.

        Raises:
            BenchmarkError: it died, or did not take the model.
        """
        self.clear()
        try:
            with self.starting_consumer(settings) as process:
                give_up_s = time.monotonic() + START_S
                while not any(b"model.swapped" in fields[b"data"] for _, fields in self._newest_event()):
                    process.look()
                    if time.monotonic() > give_up_s:
                        raise BenchmarkError(f"no model taken within {START_S:g} s: {process.last_words()}")
                    time.sleep(0.05)
                yield process
        finally:
            self.clear()

    def _newest_event(self) -> list[tuple[bytes, dict[bytes, bytes]]]:
        return newest(self.client, self.streams.model_events, 1)

    def clear(self) -> None:
        """Delete the rig's keys, and no others; when it returns, their memory is free."""
        for key in list(self.client.scan_iter(f"{self.streams.prefix}*", count=1000)):
            self.client.delete(key)
        self.client.memory_purge()
