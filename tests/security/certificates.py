"""Issues certificates of a private authority for tests of TLS."""

from __future__ import annotations

from pathlib import Path

import trustme


class Authority:
    """A certificate authority in a folder, with a certificate for 127.0.0.1 and further names that it signed.

    Attributes:
        ca: its own certificate.
        certificate: for servers and clients of these names.
        key: of that certificate.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        folder.mkdir()
        self.ca, self.certificate, self.key = (folder / name for name in ("ca.crt", "own.crt", "own.key"))
        authority = trustme.CA()
        signed = authority.issue_cert("127.0.0.1", "localhost", *names)
        authority.cert_pem.write_to_path(str(self.ca))
        signed.cert_chain_pems[0].write_to_path(str(self.certificate))
        signed.private_key_pem.write_to_path(str(self.key))


def readable_authority(folder: Path) -> Authority:
    """An authority whose files a server may read that runs as another user."""
    authority = Authority(folder)
    for path in (authority.key, authority.certificate, authority.ca):
        path.chmod(0o644)
    return authority
