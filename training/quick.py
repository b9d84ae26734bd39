"""Settings for a quick training, used by the demo and by `tasador train --quick`."""

from __future__ import annotations

from schemas.settings import Settings

TRIALS = 2
SECONDS = 10.0


def quick_settings(settings: Settings) -> Settings:
    """Reduce settings to one repetition of the folds, a short search, and a report without plots."""
    training = settings.training.model_copy(update={"repeats": 1, "report": "figures"})
    trials, seconds = min(TRIALS, settings.search.trials), min(SECONDS, settings.search.seconds)
    search = settings.search.model_copy(update={"trials": trials, "seconds": seconds})
    return settings.model_copy(update={"training": training, "search": search})
