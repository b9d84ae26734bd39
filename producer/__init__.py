"""Publishing: clients for listings and outcomes, and the files and samples that they publish."""

from __future__ import annotations

from producer.async_publisher import AsyncListingPublisher
from producer.publisher import ListingPublisher
from producer.reconnection import Reconnection

__all__ = ["AsyncListingPublisher", "ListingPublisher", "Reconnection"]
