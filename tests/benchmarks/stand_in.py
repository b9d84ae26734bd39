"""A server that starts at once; the path decides whether it answers with a wrong prediction, a wrong id or an error."""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WRONG_PREDICTION, WRONG_ID = "/wrong-prediction", "/wrong-id"


class Handler(BaseHTTPRequestHandler):
    """Answers a listing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer by the path."""
        listing = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        listing_id = "another" if self.path == WRONG_ID else listing["id"]
        body = json.dumps({"listing_id": listing_id, "prediction": 1.0}).encode()
        self.send_response(HTTPStatus.OK if self.path in {WRONG_PREDICTION, WRONG_ID} else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
