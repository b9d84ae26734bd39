#!/usr/bin/env python3
"""Ends with 0 if the URL that is given answers 200, else with 1 and one line: the health check of a container.

It imports nothing of the product, because an engine calls it every few seconds.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

TIMEOUT_S = 4


def main(url: str) -> int:
    """Ask once; 0 for a good answer."""
    try:
        # an answer other than 2xx raises
        with urllib.request.urlopen(url, timeout=TIMEOUT_S):  # noqa: S310 - the image's own http address
            return 0
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        sys.stdout.write(f"{url}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
