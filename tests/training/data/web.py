"""A web server for tests, which serves files, and imitates Kaggle and the UCI repository.

For Kaggle it acts as a proxy: the client requests ``http://localhost`` through this server.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

import pytest

KAGGLE = "/api/v1/datasets.DatasetApiService/"


class Web:
    """The server, with its content and the requests it has received.

    Attributes:
        files: path -> content; each is sent with an ETag.
        kaggle: files of the only Kaggle dataset, ``altavish/boston-housing-dataset``, name -> content.
        uci: number of a dataset -> its description.
        requests: method and path of each request, with the status of the response.
        silent: paths that get no response until the server stops.
        cut: paths whose responses end after half of the content.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.kaggle: dict[str, bytes] = {}
        self.uci: dict[str, object] = {}
        self.requests: list[tuple[str, int]] = []
        self.silent: set[str] = set()
        self.cut: set[str] = set()
        self._stopped = threading.Event()
        web = self

        class Handler(_Handler):
            def respond(self) -> None:
                web.respond(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def as_kaggle(self, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
        """Direct kagglehub to this server, and remove the user's Kaggle account from the environment."""
        for name, value in {
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "http_proxy": self.url,
            "no_proxy": "",
            "NO_PROXY": "",
            "HOME": home,
        }.items():
            monkeypatch.setenv(name, value)
        for name in ("HTTP_PROXY", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN", "KAGGLE_KERNEL_RUN_TYPE"):
            monkeypatch.delenv(name, raising=False)

    def respond(self, request: _Handler) -> None:
        """Respond to a request."""
        path = urlsplit(request.path).path
        if path in self.silent:
            self._stopped.wait()
            return
        if path.startswith(KAGGLE):
            self._respond_as_kaggle(request, path.removeprefix(KAGGLE))
        elif path == "/api/dataset":
            number = urlsplit(request.path).query.removeprefix("id=")
            dataset = {"status": 200, "data": self.uci[number]} if number in self.uci else None
            content = json.dumps(dataset or {"status": 404, "message": "no such dataset"}).encode()
            self._reply(request, 200, content)
        elif path in self.files:
            self._send_file(request, path, self.files[path])
        else:
            self._reply(request, 404, b"")

    def _respond_as_kaggle(self, request: _Handler, method: str) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        if body["ownerSlug"] != "altavish":
            self._reply(request, 404, b'{"code": 404, "message": "not found"}', {"Content-Type": "application/json"})
        elif method == "GetDataset":
            content = json.dumps({"id": 1, "ref": "altavish/boston-housing-dataset", "currentVersionNumber": 1})
            self._reply(request, 200, content.encode(), {"Content-Type": "application/json"})
        else:
            name = body.get("fileName") or "archive.zip"
            self.files[f"/storage/{name}"] = self.kaggle[name] if name in self.kaggle else _archive(self.kaggle)
            self._reply(request, 302, b"", {"Location": f"http://localhost/storage/{name}"})

    def _send_file(self, request: _Handler, path: str, content: bytes) -> None:
        tag = f'"{hashlib.sha256(content).hexdigest()[:8]}"'
        if request.headers.get("If-None-Match") == tag:
            self._reply(request, 304, b"")
        else:
            self._reply(request, 200, content, {"ETag": tag}, sent=len(content) // 2 if path in self.cut else None)

    def _reply(
        self,
        request: _Handler,
        status: int,
        content: bytes,
        headers: dict[str, str] | None = None,
        sent: int | None = None,
    ) -> None:
        self.requests.append((f"{request.command} {urlsplit(request.path).path}", status))
        request.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | (headers or {})).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content[:sent])


class _Handler(BaseHTTPRequestHandler):
    def respond(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.respond()

    def do_POST(self) -> None:
        self.respond()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing."""


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
