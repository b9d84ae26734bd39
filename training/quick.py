"""A quick training, for whoever sits and waits: the demo, and `tasador train --quick`."""

from __future__ import annotations

from schemas.settings import Settings

TRIALS = 2
SECONDS = 10.0


def quick_settings(settings: Settings) -> Settings:
    """The same settings with one repetition of the folds, a short search, and a report without plots."""
    training = settings.training.model_copy(update={"repeats": 1, "report": "figures"})
    trials, seconds = min(TRIALS, settings.search.trials), min(SECONDS, settings.search.seconds)
    search = settings.search.model_copy(update={"trials": trials, "seconds": seconds})
    return settings.model_copy(update={"training": training, "search": search})
