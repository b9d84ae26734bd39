"""The process in which kagglehub runs: ``python -m training.data.kaggle_process owner/name [file]``.

Its last line is the path of what was downloaded, or on standard error what went wrong.
"""

from __future__ import annotations

import sys


def main(dataset: str, file: str) -> int:
    """Download, and say where it lies."""
    import kagglehub
    from kagglehub import exceptions
    from requests import RequestException

    refusals = (exceptions.UnauthenticatedError, exceptions.DataCorruptionError, exceptions.NotFoundError)
    try:
        path = kagglehub.dataset_download(dataset, path=file or None)
    except (RequestException, *refusals, OSError, ValueError) as error:
        sys.stderr.write("\n" + " ".join(str(error).split()) + "\n")
        return 1
    sys.stdout.write(f"\n{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
