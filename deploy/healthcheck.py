#!/usr/bin/env python3
"""Health check of a container: exits with 0 if the given URL answers 200, else with 1 and a message.

It imports nothing of the product, so that it is fast: an engine runs it every few seconds.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

TIMEOUT_S = 4


def main(url: str) -> int:
    """Send one request; returns the exit code."""
    try:
        # urlopen raises for an answer other than 2xx
        with urllib.request.urlopen(url, timeout=TIMEOUT_S):  # noqa: S310 - the image's own http address
            return 0
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        sys.stdout.write(f"{url}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
