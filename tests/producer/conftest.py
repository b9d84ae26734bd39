"""Fixtures for publishers on the test's own keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from producer import ListingPublisher
from schemas.settings import Settings, load_settings

OpenPublisher = Callable[..., ListingPublisher]


@pytest.fixture
def settings(redis_url: str, prefix: str) -> Settings:
    return load_settings(redis_url=SecretStr(redis_url), prefix=prefix)


@pytest.fixture
def open_publisher(settings: Settings) -> Iterator[OpenPublisher]:
    """Opens publishers: options of `ListingPublisher`, and `high_water`."""
    with ExitStack() as stack:

        def open_one(high_water: int = settings.high_water, **options: Any) -> ListingPublisher:
            changed = settings.model_copy(update={"high_water": high_water})
            return stack.enter_context(ListingPublisher(changed, **options))

        yield open_one


@pytest.fixture
def publisher(open_publisher: OpenPublisher) -> ListingPublisher:
    return open_publisher()
