"""Runs the command line and prints an error of the product as one line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from schemas.errors import ConfigurationError, TasadorError

FAILED = 1
MISCONFIGURED = os.EX_CONFIG
"""78, of sysexits.h: the same command fails again until the configuration is changed, so a supervisor must not
repeat it."""
INTERRUPTED = 130


def main() -> None:
    """Run a command and exit: 0 success, 1 failure, 2 usage error, 78 configuration error, 130 interrupted."""
    # a user's own domain is in the current folder, which an installed script does not search
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        from tasador.cli.app import app

        app(prog_name="tasador")
    except TasadorError as error:
        sys.stderr.write(f"tasador: {' '.join(str(error).split())}\n")
        sys.exit(MISCONFIGURED if isinstance(error, ConfigurationError) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
