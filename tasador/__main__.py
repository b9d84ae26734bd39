"""The front door: runs the command line, and says in one line what a person can mend."""

from __future__ import annotations

import sys
from pathlib import Path

from schemas.errors import TasadorError

FAILED = 1
INTERRUPTED = 130


def main() -> None:
    """Run a command and exit: 0 done, 1 failed, 2 called wrongly, 130 interrupted."""
    # where a domain of one's own lies; the script of an installed package does not search it
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        from tasador.cli.app import app

        app(prog_name="tasador")
    except TasadorError as error:
        sys.stderr.write(f"tasador: {' '.join(str(error).split())}\n")
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
