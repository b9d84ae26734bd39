"""Runs an explainer that tests kill, in its own process: ``python -m tests.explainer.doomed URL PREFIX HOME URI``.

Explaining a listing with nine rooms kills the process, and every other one takes a moment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator

from explainer.app import Explainer
from explainer.model_explainer import Attribution, ModelExplainer
from schemas.rows import Matrix
from tests.consumer.harness import RM, settings_for

DEADLY = 9.0
MOMENT_S = 0.01
_explain = ModelExplainer.explain


def explain(self: ModelExplainer, matrix: Matrix) -> Iterator[Attribution]:
    """Act like a crash in a native library, or like a slow model."""
    if (matrix[:, RM] == DEADLY).any():
        os.kill(os.getpid(), signal.SIGKILL)
    for found in _explain(self, matrix):
        time.sleep(MOMENT_S)
        yield found


async def main(url: str, prefix: str, home: str, mlflow_uri: str) -> None:
    """Explain until killed."""
    ModelExplainer.explain = explain  # type: ignore[method-assign]
    settings = settings_for(prefix, home=home, mlflow_uri=mlflow_uri, max_deliveries=2)
    await Explainer(settings, "doomed", url, None).start(lambda _: None)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
