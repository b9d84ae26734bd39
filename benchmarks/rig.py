"""The rig: a Redis, keys of its own, a home folder and a model, on which contenders take turns.

Its settings are the product's defaults, whatever params.yaml and the environment say, so that everything is on.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from pydantic import SecretStr

from benchmarks.model import activate, save_booster
from registry.versions import ModelVersionInfo
from schemas.settings import PARAMS_VARIABLE, PREFIX, Settings
from transport.connection import connect


def settings_for(url: str, home: Path) -> Settings:
    """The default settings on a Redis, with a prefix that nobody else has and that suits a cluster."""
    prefix = f"{{bench-{uuid.uuid4().hex[:12]}}}"
    return Settings.model_construct(redis_url=SecretStr(url), home=home, prefix=prefix)


class Rig:
    """Where contenders are measured, one at a time.

    Args:
        url: the Redis.
        settings: from `settings_for`.
        model: the registered version that everybody predicts with; an XGBoost model.

    Attributes:
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
        self._model = model
        save_booster(model, self.booster)

    def activate(self) -> None:
        """Make the model the desired one."""
        activate(self.settings, self.url, self._model)

    def environment(self) -> dict[str, str]:
        """The environment of a contender's process: the rig's addresses, and nothing of the user's settings."""
        no_params = self.settings.home / "params.yaml"
        no_params.touch()
        plain = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        settled = {"HOME": str(self.settings.home), "REDIS_URL": self.url, "PREFIX": self.streams.prefix}
        return plain | {PARAMS_VARIABLE: str(no_params)} | {PREFIX + name: value for name, value in settled.items()}

    def clear(self) -> None:
        """Delete the rig's keys, and no others."""
        for key in list(self.client.scan_iter(f"{self.streams.prefix}*", count=1000)):
            self.client.unlink(key)
