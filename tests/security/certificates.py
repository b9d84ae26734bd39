"""Certificates of an authority of one's own, made with openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Authority:
    """An authority in a folder, with a certificate for 127.0.0.1 that it has signed.

    Attributes:
        ca: its own certificate.
        certificate: for servers and clients on 127.0.0.1.
        key: of that certificate.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.ca, self.certificate, self.key = (folder / name for name in ("ca.crt", "own.crt", "own.key"))
        request, ca_key, extensions = (folder / name for name in ("own.csr", "ca.key", "own.ext"))
        extensions.write_text("subjectAltName = IP:127.0.0.1, DNS:localhost\n", encoding="utf-8")
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        _openssl("req", "-x509", *new_key, "-keyout", ca_key, "-out", self.ca, "-days", 2, "-subj", "/CN=test CA")
        _openssl("req", *new_key, "-keyout", self.key, "-out", request, "-subj", "/CN=127.0.0.1")
        signed_by = ("-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", 2, "-extfile", extensions)
        _openssl("x509", "-req", "-in", request, *signed_by, "-out", self.certificate)


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=True)
