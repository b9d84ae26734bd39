from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.training.data.web import Web


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server for one test."""
    server = Web()
    with server:
        yield server
