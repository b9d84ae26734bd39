"""Settings for a quick training, used by the demo and by `tasador train --quick`."""

from __future__ import annotations

from schemas.settings import Settings

SECONDS = 20.0


def quick_settings(settings: Settings) -> Settings:
    """Reduce settings to a small budget, and a report without plots."""
    seconds = min(SECONDS, settings.training.seconds)
    training = settings.training.model_copy(update={"seconds": seconds, "report": "figures"})
    return settings.model_copy(update={"training": training})
