"""The process in which kagglehub runs: ``python -m training.data.kaggle_process owner/name [file]``.

It prints the path of the download as its last line, or an error as the last line on standard error.
"""

from __future__ import annotations

import sys


def main(dataset: str, file: str) -> int:
    """Download a dataset or a file, and print its path."""
    import kagglehub
    from kagglehub import exceptions
    from requests import RequestException

    kaggle_errors = (exceptions.UnauthenticatedError, exceptions.DataCorruptionError, exceptions.NotFoundError)
    try:
        path = kagglehub.dataset_download(dataset, path=file or None)
    except (RequestException, *kaggle_errors, OSError, ValueError) as error:
        sys.stderr.write("\n" + " ".join(str(error).split()) + "\n")
        return 1
    sys.stdout.write(f"\n{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
