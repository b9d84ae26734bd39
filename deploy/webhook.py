#!/usr/bin/env python3
"""Receives alerts from Alertmanager and prints each as a line of JSON; replace it with a real pager."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BYTES = 1_000_000


class Receiver(BaseHTTPRequestHandler):
    """Handles the requests of Alertmanager."""

    def do_POST(self) -> None:
        """Print the alerts of one notification."""
        length = min(int(self.headers.get("Content-Length", 0)), MAX_BYTES)
        for alert in json.loads(self.rfile.read(length))["alerts"]:
            line = {"status": alert["status"], **alert["labels"], **alert["annotations"]}
            sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Do not log requests."""


def main(host: str, port: int) -> None:
    """Serve until stopped; prints the port first."""
    server = ThreadingHTTPServer((host, port), Receiver)
    sys.stdout.write(json.dumps({"listening": server.server_address[1]}) + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
