"""Publishing: clients for listings, outcomes and stored features, and the files and samples that they publish."""

from __future__ import annotations

from producer.async_publisher import AsyncListingPublisher
from producer.feature_writer import FeatureWriter
from producer.publisher import ListingPublisher
from producer.reconnection import Reconnection

__all__ = ["AsyncListingPublisher", "FeatureWriter", "ListingPublisher", "Reconnection"]
